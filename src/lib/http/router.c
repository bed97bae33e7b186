/* router.c: from a path to a row of the route tables.
 *
 * The patterns are checked and compiled once, when a server starts: a mistake in a table stops the
 * start, not a request. A router does not change after that. */
#include "lib/http/router.h"

#include "lib/base/encoding.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const METHOD_NAMES[HTTP_METHODS] = {"GET", "HEAD",   "POST",
                                                       "PUT", "DELETE", "OPTIONS"};

/* A segment of a pattern: a literal, or a prefix (which may be empty) and a parameter. */
struct route_segment {
  struct str prefix;
  const char *name; /* of the parameter, in the pattern; NULL: none */
};

struct router_row {
  const struct http_route *route;
  unsigned methods; /* a bit set: a row for GET answers HEAD too */
  unsigned segment_count;
  struct route_segment segments[HTTP_PATH_SEGMENTS];
};

struct router {
  size_t count;
  struct router_row rows[];
};

/* --- Methods --- */

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

/* --- Compiling --- */

static bool complain(const struct http_route *route, const char *what, struct error *error) {
  return error_set(error, ERROR_INTERNAL, "the route %s %s: %s", router_method_name(route->method),
                   route->pattern, what);
}

/* "literal", ":name" or "prefix:name" */
static bool compile_segment(struct str text, struct route_segment *segment) {
  const char *colon = text.length > 0 ? memchr(text.data, ':', text.length) : NULL;
  *segment = (struct route_segment){.prefix = text};
  if (!colon) return true;
  segment->prefix.length = (size_t)(colon - text.data);
  segment->name = colon + 1;
  size_t name_length = text.length - segment->prefix.length - 1;
  return name_length > 0 && !memchr(segment->name, ':', name_length);
}

static bool compile_pattern(struct router_row *row, struct error *error) {
  const char *at = row->route->pattern;
  unsigned parameters = 0;
  if (*at != '/') return complain(row->route, "it does not begin with '/'", error);
  while (*at) {
    const char *begin = at + 1, *end = strchrnul(begin, '/');
    if (row->segment_count == HTTP_PATH_SEGMENTS)
      return complain(row->route, "it has too many segments", error);
    struct route_segment *segment = &row->segments[row->segment_count++];
    if (!compile_segment((struct str){begin, (size_t)(end - begin)}, segment))
      return complain(row->route, "a parameter has no name, or two", error);
    if (end == begin && *end) return complain(row->route, "a segment is empty", error);
    parameters += segment->name != NULL;
    at = end;
  }
  if (parameters > HTTP_PATH_PARAMETERS)
    return complain(row->route, "it has too many parameters", error);
  return true;
}

static bool check_row(const struct http_route *route, const struct http_options *options,
                      struct error *error) {
  bool takes_body = route->method == HTTP_POST || route->method == HTTP_PUT;
  if (!route->handler) return complain(route, "it has no handler", error);
  if (route->method >= HTTP_OPTIONS)
    return complain(route, "OPTIONS is answered for every path", error);
  if (route->body_limit > (takes_body ? HTTP_BODY_LIMIT : 0))
    return complain(route, "its body limit is too high", error);
  if (route->auth == HTTP_AUTH_SHARED && route->method != HTTP_GET)
    return complain(route, "only GET can be shared", error);
  bool asks_postgres = route->method == HTTP_GET && route->auth != HTTP_AUTH_NONE;
  if ((route->cost > 0) != asks_postgres)
    return complain(route, "its cost is of reads that ask Postgres, and they have one", error);
  if (route->auth == HTTP_AUTH_REQUIRED && !options->check_token)
    return complain(route, "nobody checks its tokens", error);
  return true;
}

static bool have_same_shape(const struct router_row *a, const struct router_row *b) {
  if (a->segment_count != b->segment_count) return false;
  for (unsigned i = 0; i < a->segment_count; i++)
    if (!str_equal(a->segments[i].prefix, b->segments[i].prefix) ||
        !a->segments[i].name != !b->segments[i].name)
      return false;
  return true;
}

static bool check_duplicates(const struct router *router, struct error *error) {
  for (size_t i = 0; i < router->count; i++)
    for (size_t j = 0; j < i; j++)
      if (router->rows[i].methods & router->rows[j].methods &&
          have_same_shape(&router->rows[i], &router->rows[j]))
        return complain(router->rows[i].route, "another row has the same paths", error);
  return true;
}

static bool compile(struct router *router, const struct http_options *options,
                    struct error *error) {
  for (const struct http_route *const *table = options->tables; *table; table++) {
    for (const struct http_route *route = *table; route->pattern; route++) {
      struct router_row *row = &router->rows[router->count++];
      row->route = route;
      row->methods = 1U << route->method | (route->method == HTTP_GET ? 1U << HTTP_HEAD : 0);
      if (!check_row(route, options, error) || !compile_pattern(row, error)) return false;
    }
  }
  return check_duplicates(router, error);
}

static size_t count_routes(const struct http_route *const *tables) {
  size_t count = 0;
  for (; *tables; tables++)
    for (const struct http_route *route = *tables; route->pattern; route++)
      count++;
  return count;
}

struct router *router_new(const struct http_options *options, struct error *error) {
  struct router *router =
      calloc(1, sizeof(*router) + count_routes(options->tables) * sizeof(router->rows[0]));
  if (!router) {
    error_set(error, ERROR_MEMORY, "out of memory for the routes");
    return NULL;
  }
  return compile(router, options, error) ? router : router_free(router);
}

struct router *router_free(struct router *router) {
  free(router);
  return NULL;
}

size_t router_count(const struct router *router) {
  return router->count;
}

const struct http_route *router_route(const struct router *router, size_t place) {
  assert(place < router->count);
  return router->rows[place].route;
}

/* --- Matching --- */

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
    if (!encoding_percent_decode((struct str){at, (size_t)(segment_end - at)}, false, decoded,
                                 &length))
      return false;
    path->segments[path->count++] = (struct str){decoded, length};
    decoded += length;
    if (!slash) return true;
    at = slash + 1;
  }
}

/* A parameter takes at least one byte. */
static bool match_segment(const struct route_segment *pattern, struct str segment) {
  if (!pattern->name) return str_equal(pattern->prefix, segment);
  return segment.length > pattern->prefix.length && str_starts_with(segment, pattern->prefix);
}

static bool match_row(const struct router_row *row, const struct path *path) {
  if (row->segment_count != path->count) return false;
  for (unsigned i = 0; i < path->count; i++)
    if (!match_segment(&row->segments[i], path->segments[i])) return false;
  return true;
}

static void take_row(struct http_request *request, const struct router_row *row,
                     const struct path *path) {
  request->route = row->route;
  for (unsigned i = 0; i < path->count; i++) {
    const struct route_segment *pattern = &row->segments[i];
    if (!pattern->name) continue;
    size_t prefix = pattern->prefix.length;
    struct str segment = path->segments[i];
    assert(request->parameter_count < HTTP_PATH_PARAMETERS);
    request->parameters[request->parameter_count++] =
        (struct http_parameter){pattern->name, {segment.data + prefix, segment.length - prefix}};
  }
}

unsigned router_match(struct http_request *request) {
  const struct router *router = request->site->router;
  struct path path;
  assert(!request->route);
  request->is_api = str_starts_with(request->raw_path, STR("/api/"));
  if (!split_path(request, &path)) return 0;
  request->is_api = path.count > 1 && str_equal(path.segments[0], STR("api"));
  unsigned methods = 0, wanted = 1U << request->method;
  for (size_t place = 0; place < router->count; place++) {
    const struct router_row *row = &router->rows[place];
    if (!match_row(row, &path)) continue;
    methods |= row->methods;
    if (request->route || !(row->methods & wanted)) continue;
    request->route_place = place;
    take_row(request, row, &path);
  }
  return methods;
}
