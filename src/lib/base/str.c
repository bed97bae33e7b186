/* str.c: see str.h. */
#include "lib/base/str.h"

#include <strings.h>

bool str_equal_ignore_case(struct str a, struct str b) {
  return a.length == b.length && (a.length == 0 || strncasecmp(a.data, b.data, a.length) == 0);
}

static bool is_blank(char byte) {
  return byte == ' ' || byte == '\t';
}

struct str str_trim(struct str text) {
  while (text.length > 0 && is_blank(text.data[0])) {
    text.data++;
    text.length--;
  }
  while (text.length > 0 && is_blank(text.data[text.length - 1]))
    text.length--;
  return text;
}

bool str_next(struct str *rest, char separator, struct str *ret_item) {
  if (!rest->data) return false;
  const char *end = rest->length > 0 ? memchr(rest->data, separator, rest->length) : NULL;
  size_t length = end ? (size_t)(end - rest->data) : rest->length;
  *ret_item = str_trim((struct str){rest->data, length});
  if (end)
    *rest = (struct str){end + 1, rest->length - length - 1};
  else
    *rest = (struct str){NULL, 0};
  return true;
}
