/* input.c: reads fields of the body, and lists the rules that they break. */
#include "routes/input.h"

#include "lib/base/utf8.h"

bool input_has(const struct http_request *request, const char *field) {
  return json_object_get(http_request_json(request), field);
}

struct str input_text(const struct http_request *request, const char *field) {
  const json_t *value = json_object_get(http_request_json(request), field);
  if (!json_is_string(value)) return (struct str){"", 0};
  return (struct str){json_string_value(value), json_string_length(value)};
}

void input_check_text(struct codes *codes, struct str text, size_t limit, const char *blank,
                      const char *too_long) {
  if (blank && utf8_is_blank(text))
    codes_add(codes, blank);
  else if (utf8_length(text) > limit)
    codes_add(codes, too_long);
}
