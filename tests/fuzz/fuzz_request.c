/* fuzz_request.c: what a request's headers and body say: lines of Content-Type, Content-Length and
 * X-Request-Id, then the body. The linker puts a function of ours in the place of the one by which
 * libmicrohttpd tells the headers (--wrap). */
#include "fuzz.h"

#include "lib/http/internal.h"

static const struct http_route ROUTE = {HTTP_POST, "/", HTTP_AUTH_NONE, HTTP_BODY_LIMIT, NULL};
static struct http_connection connection;

static struct {
  const char *name;
  struct str value;
} headers[] = {{.name = "Content-Type"}, {.name = "Content-Length"}, {.name = "X-Request-Id"}};

enum { HEADERS = sizeof(headers) / sizeof(headers[0]) };

enum MHD_Result __wrap_MHD_lookup_connection_value_n(struct MHD_Connection *mhd,
                                                     enum MHD_ValueKind kind, const char *name,
                                                     size_t name_length, const char **ret_value,
                                                     size_t *ret_length);

enum MHD_Result __wrap_MHD_lookup_connection_value_n(struct MHD_Connection *mhd,
                                                     enum MHD_ValueKind kind, const char *name,
                                                     size_t name_length, const char **ret_value,
                                                     size_t *ret_length) {
  (void)mhd, (void)kind;
  for (size_t i = 0; i < HEADERS; i++) {
    if (!str_equal(str_from(headers[i].name), (struct str){name, name_length})) continue;
    *ret_value = headers[i].value.data;
    *ret_length = headers[i].value.length;
    return MHD_YES;
  }
  return MHD_NO;
}

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
  for (size_t i = 0; i < HEADERS; i++)
    headers[i].value = fuzz_cut(&body, '\n');
  struct http_request *request = request_new(&connection, NULL, "/");
  request->route = &ROUTE;
  request_set_id(request);
  check_id(request->id);
  (void)request_has_body(request);
  if (request_announced_body(request) == BODY_GOOD)
    for (size_t i = 0; i < headers[1].value.length; i++)
      assert(headers[1].value.data[i] >= '0' && headers[1].value.data[i] <= '9');
  bool taken = request_take_body(request, body.data, body.length);
  assert(taken && request->body.length <= HTTP_BODY_LIMIT);
  enum body_verdict verdict = request_parse_body(request);
  assert(verdict != BODY_TOO_LARGE || body.length > HTTP_BODY_LIMIT);
  if (verdict == BODY_GOOD) {
    assert(json_is_object(http_request_json(request)));
    assert(depth_of(http_request_json(request)) <= HTTP_JSON_DEPTH);
  }
  request_free(request);
  return 0;
}
