/* routes.h: the route tables, one a resource. */
#pragma once

#include "lib/http/http.h"

extern const struct http_route general_routes[];
extern const struct http_route activities_routes[];
extern const struct http_route users_routes[];
extern const struct http_route messages_routes[];
extern const struct http_route docs_routes[];

/* All of them, NULL-terminated. */
extern const struct http_route *const routes_tables[];
