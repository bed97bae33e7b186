/* accept_encoding.c: reads Accept-Encoding, line by line. */
#include "lib/http/accept_encoding.h"

enum { WEIGHT_HIGHEST = 1000, WEIGHT_LENGTH = 5 /* "1.000" */ };

/* qvalue = "0" [ "." 0*3DIGIT ] / "1" [ "." 0*3"0" ] (RFC 9110, section 12.4.2); 0 for any other
 * text. */
static int read_weight(struct str text) {
  if (text.length == 0 || text.length > WEIGHT_LENGTH) return 0;
  if (text.length > 1 && text.data[1] != '.') return 0;
  int weight = 0;
  for (size_t place = 0, i = 0; place < 4; place++, i += i == 0 ? 2 : 1) {
    char digit = '0';
    if (i < text.length) digit = text.data[i];
    if (digit < '0' || digit > '9') return 0;
    weight = weight * 10 + (digit - '0');
  }
  return weight <= WEIGHT_HIGHEST ? weight : 0;
}

/* The weight among the parameters of an element; without one it counts fully. */
static int find_weight(struct str parameters) {
  struct str parameter;
  while (str_next(&parameters, ';', &parameter))
    if (str_starts_with(parameter, STR("q=")) || str_starts_with(parameter, STR("Q=")))
      return read_weight((struct str){parameter.data + 2, parameter.length - 2});
  return WEIGHT_HIGHEST;
}

/* x-gzip is another name of gzip (RFC 9110, section 8.4.1.3). */
static int *member_for(struct accept_encoding *accepted, struct str coding) {
  if (str_equal_ignore_case(coding, STR("gzip")) || str_equal_ignore_case(coding, STR("x-gzip")))
    return &accepted->gzip;
  if (str_equal_ignore_case(coding, STR("identity"))) return &accepted->identity;
  return str_equal(coding, STR("*")) ? &accepted->any : NULL;
}

void accept_encoding_read(struct accept_encoding *accepted, struct str field) {
  struct str element;
  while (str_next(&field, ',', &element)) {
    struct str coding;
    if (!str_next(&element, ';', &coding)) continue;
    int *member = member_for(accepted, coding);
    if (member) *member = find_weight(element);
  }
}

bool accept_encoding_takes_gzip(const struct accept_encoding *accepted) {
  int gzip = accepted->gzip >= 0 ? accepted->gzip : accepted->any;
  return gzip > 0 && gzip >= accepted->identity;
}
