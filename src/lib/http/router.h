/* router.h: from a method and a path to a row of the route tables. Inside of the room only. */
#pragma once

#include "lib/http/request.h"

enum { HTTP_PATH_SEGMENTS = 12 };

/* The rows of all tables, their patterns compiled. */
struct router;

/* Checks and compiles the tables of `options`. NULL when memory is out, or when a row makes no
 * sense: the error names it. */
struct router *router_new(const struct http_options *options, struct error *error);

/* Takes NULL; returns NULL. */
struct router *router_free(struct router *router);

/* The number of rows, and each of them in the order of the tables. */
size_t router_count(const struct router *router);
const struct http_route *router_route(const struct router *router, size_t place);

/* Finds the row for the request's method and path and decodes its parameters, and whether the path
 * is of the API. Returns the methods that the path has as a bit set of 1 << enum http_method; 0
 * when no row knows the path. */
unsigned router_match(struct http_request *request);

/* Writes "GET, HEAD, …" of a bit set. */
void router_list_methods(unsigned methods, struct buffer *buffer);

/* False for a method that the API does not know at all. */
bool router_method(const char *name, enum http_method *ret_method);
const char *router_method_name(enum http_method method);
