/* fuzz_request.c: what a client sends with a request: Content-Type, Content-Length and
 * X-Request-Id, a line each, and a body. */
#include "fuzz.h"

#include "lib/http/body.h"

static const struct http_route ROUTE = {HTTP_POST, "/", HTTP_AUTH_NONE, HTTP_BODY_LIMIT, NULL, 0};
static struct http_site site;

static void check_id(struct str id) {
  assert(id.length > 0 && id.length <= HTTP_REQUEST_ID_LIMIT);
  for (size_t i = 0; i < id.length; i++)
    assert(id.data[i] > ' ' && id.data[i] <= '~' && id.data[i] != '"' && id.data[i] != '\\');
}

static unsigned depth_of(const json_t *value) {
  unsigned deepest = 0;
  const char *key;
  json_t *member;
  size_t index;
  json_object_foreach((json_t *)value, key, member) {
    unsigned depth = depth_of(member);
    if (depth > deepest) deepest = depth;
  }
  json_array_foreach(value, index, member) {
    unsigned depth = depth_of(member);
    if (depth > deepest) deepest = depth;
  }
  return json_is_object(value) || json_is_array(value) ? deepest + 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str body = fuzz_text(data, size);
  struct http_request *request = request_new(&site, "/");
  struct http_headers *headers = &request->headers;
  request->route = &ROUTE;
  headers->content_type = fuzz_cut(&body, '\n');
  headers->content_length = fuzz_cut(&body, '\n');
  headers->request_id = fuzz_cut(&body, '\n');
  request_set_id(request);
  check_id(request->id);
  if (body_is_announced_short(request)) {
    assert(!body_is_too_large(request));
    for (size_t i = 0; i < headers->content_length.length; i++)
      assert(headers->content_length.data[i] >= '0' && headers->content_length.data[i] <= '9');
  }
  bool announced_too_large = body_is_too_large(request);
  assert(!announced_too_large || body_is_announced(request));
  bool taken = body_take(request, body.data, body.length);
  assert(taken == (body.length <= HTTP_BODY_LIMIT));
  assert(taken == !request->is_over && request->body.length <= HTTP_BODY_LIMIT);
  assert(body_is_too_large(request) == (announced_too_large || body.length > HTTP_BODY_LIMIT));
  (void)body_is_json(request);
  if (taken && body_parse(request)) {
    assert(json_is_object(http_request_json(request)));
    assert(depth_of(http_request_json(request)) <= BODY_JSON_DEPTH);
  }
  request_free(request);
  return 0;
}
