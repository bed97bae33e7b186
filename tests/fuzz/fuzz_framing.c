/* fuzz_framing.c: where a request ends: its target, Host, Content-Length, Transfer-Encoding and
 * Content-Type, a line each. A line that is missing is no header. */
#include "fuzz.h"

#include "lib/http/body.h"
#include "lib/http/framing.h"

#include <stdlib.h>

static const struct http_route ROUTE = {HTTP_POST, "/", HTTP_AUTH_NONE, HTTP_BODY_LIMIT, NULL, 0};
static struct http_site site;

static struct str next_header(struct str *rest) {
  return rest->length > 0 ? fuzz_cut(rest, '\n') : (struct str){NULL, 0};
}

static void check_target(const struct http_request *request, const char *target) {
  struct str path = request->raw_path, query = request->raw_query;
  assert(request->target_length == strlen(target));
  assert(path.length + query.length <= request->target_length + 1); /* "/" may be ours */
  assert(!memchr(path.data, '?', path.length));
  assert(strlen(request_target(request)) == path.length + query.length + (query.length > 0));
  if (!request->target_is_plain) return;
  for (size_t i = 0; i < path.length; i++)
    assert((unsigned char)path.data[i] > ' ');
}

static void check_sound(const struct http_request *request) {
  const struct http_headers *headers = &request->headers;
  assert(request->target_is_plain && headers->host.data);
  assert(!headers->transfer_encoding.data || !headers->content_length.data);
  assert(!headers->transfer_encoding.data ||
         str_equal_ignore_case(headers->transfer_encoding, STR("chunked")));
  assert(!memchr(headers->host.data, ',', headers->host.length));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str rest = fuzz_text(data, size), line = fuzz_cut(&rest, '\n');
  char *target = strndup(line.data ? line.data : "", line.length);
  assert(target);
  struct http_request *request = request_new(&site, target);
  struct http_headers *headers = &request->headers;
  enum http_status status;
  request->route = &ROUTE;
  headers->host = next_header(&rest);
  headers->content_length = next_header(&rest);
  headers->transfer_encoding = next_header(&rest);
  headers->content_type = next_header(&rest);
  check_target(request, target);
  if (framing_is_sound(request, &status))
    check_sound(request);
  else
    assert(status == HTTP_BAD_REQUEST || status == HTTP_NOT_IMPLEMENTED);
  (void)body_is_json(request);
  request_free(request);
  free(target);
  return 0;
}
