/* fuzz_router.c: a request's target against the tables of the API: path parameters and the query.
 * The first byte of the input is the method. */
#include "fuzz.h"
#include "routes/routes.h"

#include "lib/base/cleanup.h"
#include "lib/base/encoding.h"
#include "lib/base/utf8.h"
#include "lib/http/router.h"

static enum http_token refuse_token(struct http_request *request, struct str authorization,
                                    void *context, void **waiting, struct str *ret_sub) {
  (void)request, (void)authorization, (void)context, (void)waiting, (void)ret_sub;
  return HTTP_TOKEN_BAD;
}

static const struct http_options OPTIONS = {.tables = routes_tables, .check_token = refuse_token};
static struct http_site site = {.options = &OPTIONS};

static const struct http_parameter *parameter_named(const struct http_request *request,
                                                    struct str name) {
  for (unsigned i = 0; i < request->parameter_count; i++)
    if (strncmp(request->parameters[i].name, name.data, name.length) == 0)
      return &request->parameters[i];
  return NULL;
}

/* The path that the matched row and its parameters make. */
static void append_path(const struct http_request *request, struct buffer *path) {
  struct str rest = str_from(request->route->pattern + 1), segment;
  while (str_next(&rest, '/', &segment)) {
    const char *colon = segment.length > 0 ? memchr(segment.data, ':', segment.length) : NULL;
    size_t prefix = colon ? (size_t)(colon - segment.data) : segment.length;
    buffer_append_char(path, '/');
    buffer_append(path, segment.data, prefix);
    if (!colon) continue;
    const struct http_parameter *parameter =
        parameter_named(request, (struct str){colon + 1, segment.length - prefix - 1});
    assert(parameter && parameter->value.length > 0 && utf8_valid(parameter->value));
    encoding_percent_append(path, parameter->value);
  }
}

/* It leads to the same row, with the same parameters. */
static void check_path_back(const struct http_request *request) {
  _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY;
  append_path(request, &path);
  struct http_request *again = request_new(&site, buffer_text(&path));
  again->method = request->method;
  assert(router_match(again) != 0 && again->route == request->route);
  assert(again->parameter_count == request->parameter_count);
  for (unsigned i = 0; i < request->parameter_count; i++)
    assert(str_equal(again->parameters[i].value, request->parameters[i].value));
  request_free(again);
}

static void check_query(struct http_request *request) {
  static const char *const NAMES[] = {"limit", "before", "term", ""};
  for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
    struct str value;
    bool found = http_request_query(request, NAMES[i], &value);
    assert(value.length <= request->raw_query.length && utf8_valid(value));
    assert(found || value.length == 0);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct error error;
  if (size == 0) return 0;
  if (!site.router) site.router = router_new(&OPTIONS, &error);
  assert(site.router);
  _cleanup_free_ char *target = strndup((const char *)data + 1, size - 1);
  struct http_request *request = request_new(&site, target);
  request->method = (enum http_method)(data[0] % (HTTP_METHODS + 1));
  unsigned methods = router_match(request);
  assert(methods < 1U << HTTP_METHODS);
  assert(!request->route || methods & 1U << request->method);
  assert(request->method == HTTP_METHODS || (methods & 1U << request->method) == 0 ||
         request->route);
  if (request->route) check_path_back(request);
  check_query(request);
  request_free(request);
  return 0;
}
