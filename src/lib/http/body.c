/* body.c: the body of a request, which must be a JSON object where its row takes one. */
#include "lib/http/body.h"

#include <assert.h>

static size_t limit_of(const struct http_request *request) {
  return request->route && request->route->body_limit ? request->route->body_limit
                                                      : HTTP_BODY_LIMIT;
}

bool body_is_announced(const struct http_request *request) {
  const struct http_headers *headers = &request->headers;
  return headers->transfer_encoding.length > 0 ||
         (headers->content_length.length > 0 && !str_equal(headers->content_length, STR("0")));
}

bool body_is_announced_short(const struct http_request *request) {
  uint64_t length;
  return str_to_u64(request->headers.content_length, 0, limit_of(request), &length);
}

bool body_is_too_large(const struct http_request *request) {
  uint64_t announced = 0;
  str_to_u64(request->headers.content_length, 0, UINT64_MAX, &announced);
  return announced > limit_of(request) || request->is_over;
}

bool body_take(struct http_request *request, const char *bytes, size_t length) {
  assert(request->phase != HTTP_PHASE_WORKING && "all of the body has come");
  if (length > limit_of(request) - request->body.length) {
    request->is_over = true;
    return false;
  }
  buffer_append(&request->body, bytes, length);
  return !request->body.failed;
}

/* JSON is UTF-8 (RFC 8259, section 8.1), which some clients say, with or without quotes. */
static bool is_utf8(struct str charset) {
  if (charset.length >= 2 && charset.data[0] == '"' && charset.data[charset.length - 1] == '"')
    charset = (struct str){charset.data + 1, charset.length - 2};
  return str_equal_ignore_case(charset, STR("utf-8")) ||
         str_equal_ignore_case(charset, STR("utf8"));
}

static bool is_json_type(struct str content_type) {
  static const struct str CHARSET = {"charset=", 8};
  struct str rest = content_type, part;
  if (!str_next(&rest, ';', &part) || !str_equal_ignore_case(part, STR("application/json")))
    return false;
  while (str_next(&rest, ';', &part)) {
    if (part.length < CHARSET.length ||
        !str_equal_ignore_case((struct str){part.data, CHARSET.length}, CHARSET))
      continue;
    if (!is_utf8((struct str){part.data + CHARSET.length, part.length - CHARSET.length}))
      return false;
  }
  return true;
}

bool body_is_json(const struct http_request *request) {
  struct str type = request->headers.content_type, coding = request->headers.content_encoding;
  bool is_plain = coding.length == 0 || str_equal_ignore_case(str_trim(coding), STR("identity"));
  bool is_absent = type.length == 0 && !body_is_announced(request);
  return is_plain && (is_absent || is_json_type(type));
}

/* jansson recurses for each level, and stops at 2,048: no sensible body comes near that. */
static bool is_nested_too_deeply(struct str json) {
  unsigned depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.length; i++) {
    char byte = json.data[i];
    if (in_string && byte == '\\')
      i++;
    else if (byte == '"')
      in_string = !in_string;
    else if (in_string)
      continue;
    else if ((byte == '{' || byte == '[') && ++depth > BODY_JSON_DEPTH)
      return true;
    else if ((byte == '}' || byte == ']') && depth > 0)
      depth--;
  }
  return false;
}

bool body_parse(struct http_request *request) {
  assert(!request->is_over && request->body.length <= limit_of(request));
  assert(!request->json && "a body is parsed once");
  if (request->body.length == 0 || is_nested_too_deeply(buffer_str(&request->body))) return false;
  request->json = json_loadb(request->body.data, request->body.length,
                             JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
  return json_is_object(request->json);
}
