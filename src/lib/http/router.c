/* router.c: from a path to a row of the route tables. */
#include "lib/base/encoding.h"
#include "lib/http/internal.h"

#include <assert.h>
#include <string.h>

static const char *const METHOD_NAMES[HTTP_METHODS] = {"GET", "HEAD",   "POST",
                                                       "PUT", "DELETE", "OPTIONS"};

bool router_method(const char *name, enum http_method *ret_method) {
  for (unsigned i = 0; i < HTTP_METHODS; i++) {
    if (strcmp(name, METHOD_NAMES[i]) != 0) continue;
    *ret_method = (enum http_method)i;
    return true;
  }
  return false;
}

const char *router_method_name(enum http_method method) {
  return method < HTTP_METHODS ? METHOD_NAMES[method] : "-";
}

void router_list_methods(unsigned methods, struct buffer *buffer) {
  bool first = true;
  for (unsigned i = 0; i < HTTP_METHODS; i++) {
    if (!(methods & 1U << i)) continue;
    if (!first) buffer_append_text(buffer, ", ");
    buffer_append_text(buffer, METHOD_NAMES[i]);
    first = false;
  }
}

struct path {
  struct str segments[HTTP_PATH_SEGMENTS];
  unsigned count;
};

/* Splits at '/' and decodes each segment once, so that an encoded '/' stays within its segment. A
 * path with one that cannot be decoded names nothing. */
static bool split_path(struct http_request *request, struct path *path) {
  struct str rest = request->raw_path;
  if (rest.length == 0 || rest.data[0] != '/') return false;
  char *decoded = http_request_alloc(request, rest.length);
  if (!decoded) return false;
  path->count = 0;
  const char *at = rest.data + 1, *end = rest.data + rest.length;
  for (;;) {
    if (path->count == HTTP_PATH_SEGMENTS) return false;
    const char *slash = memchr(at, '/', (size_t)(end - at));
    const char *segment_end = slash ? slash : end;
    size_t length;
    if (!percent_decode((struct str){at, (size_t)(segment_end - at)}, false, decoded, &length))
      return false;
    path->segments[path->count++] = (struct str){decoded, length};
    decoded += length;
    if (!slash) return true;
    at = slash + 1;
  }
}

/* One segment of a pattern: "literal", ":name" or "prefix:name". */
static bool match_segment(struct str pattern, struct str segment,
                          struct http_parameter *parameter) {
  const char *colon = pattern.length > 0 ? memchr(pattern.data, ':', pattern.length) : NULL;
  if (!colon) return str_equal(pattern, segment);
  size_t prefix = (size_t)(colon - pattern.data);
  if (segment.length <= prefix || memcmp(segment.data, pattern.data, prefix) != 0) return false;
  *parameter = (struct http_parameter){.name = colon + 1,
                                       .value = {segment.data + prefix, segment.length - prefix}};
  return true;
}

static bool match_pattern(const char *pattern, const struct path *path,
                          struct http_parameter *parameters, unsigned *ret_count) {
  const char *at = pattern + 1; /* what comes after a '/'; NULL when there is no more */
  unsigned count = 0;
  for (unsigned place = 0; place < path->count; place++) {
    if (!at) return false;
    const char *slash = strchrnul(at, '/');
    struct http_parameter parameter = {0};
    if (!match_segment((struct str){at, (size_t)(slash - at)}, path->segments[place], &parameter))
      return false;
    if (parameter.name) {
      assert(count < HTTP_PATH_PARAMETERS);
      parameters[count++] = parameter;
    }
    at = *slash ? slash + 1 : NULL;
  }
  *ret_count = count;
  return !at;
}

static unsigned methods_of(const struct http_route *route) {
  return 1U << route->method | (route->method == HTTP_GET ? 1U << HTTP_HEAD : 0);
}

unsigned router_match(struct http_request *request) {
  struct path path;
  if (!split_path(request, &path)) return 0;
  unsigned methods = 0;
  for (const struct http_route *const *table = request->server->options->tables; *table; table++) {
    for (const struct http_route *route = *table; route->pattern; route++) {
      struct http_parameter parameters[HTTP_PATH_PARAMETERS];
      unsigned count = 0;
      if (!match_pattern(route->pattern, &path, parameters, &count)) continue;
      methods |= methods_of(route);
      if (request->route || request->method == HTTP_METHODS ||
          !(methods_of(route) & 1U << request->method))
        continue;
      request->route = route;
      request->parameter_count = count;
      memcpy(request->parameters, parameters, count * sizeof(parameters[0]));
    }
  }
  return methods;
}
