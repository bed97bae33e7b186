/* routes.c: all route tables. */
#include "routes/routes.h"

const struct http_route *const routes_tables[] = {general_routes,  activities_routes, users_routes,
                                                  messages_routes, docs_routes,       NULL};
