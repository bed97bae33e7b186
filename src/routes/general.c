/* general.c: the service itself: liveness, readiness, the Rollbar test. */
#include "routes/context.h"
#include "routes/routes.h"

#include "lib/migrate/schema_check.h"
#include "lib/telemetry/rollbar.h"

#define JSON_CONTENT_TYPE "application/json"

static void get_health_check(struct http_request *request) {
  http_answer_static(request, HTTP_OK, JSON_CONTENT_TYPE, STR("{\"success\":true,\"ver\":1}"));
}

static const char *up_or_down(bool up) {
  return up ? "up" : "down";
}

/* Which connections every loop has. */
struct connected {
  bool reads, writes;
};

static struct connected look_at_pools(const struct route_context *context) {
  struct connected connected = {true, true};
  for (unsigned i = 0; i < context->pool_count; i++) {
    struct pg_pool_stats stats = pg_pool_stats(context->pools[i]);
    connected.reads = connected.reads && stats.reads_ready > 0;
    connected.writes = connected.writes && stats.writes_ready > 0;
  }
  return connected;
}

/* Ready when every loop can read from Postgres, its schema is current, the user pool's keys are
 * loaded and the server is to stay. While no write can be made, reads are served still. */
static void get_readiness(struct http_request *request) {
  const struct route_context *context = route_context(request);
  struct connected connected = look_at_pools(context);
  bool postgres = connected.reads;
  bool schema = schema_check_passed(context->schema);
  bool keys = key_keeper_ready(context->keeper);
  bool stays = !http_server_draining(context->server);
  bool ready = postgres && schema && keys && stays;
  struct buffer body = BUFFER_EMPTY;
  buffer_append_format(&body,
                       "{\"ready\":%s,\"postgres\":\"%s\",\"writes\":\"%s\",\"schema\":\"%s\","
                       "\"keys\":\"%s\",\"server\":\"%s\"}",
                       ready ? "true" : "false", up_or_down(postgres), up_or_down(connected.writes),
                       schema ? "current" : "unchecked", up_or_down(keys),
                       stays ? "up" : "stopping");
  if (!ready) http_answer_header(request, "Retry-After", "1");
  http_answer_json(request, ready ? HTTP_OK : HTTP_UNAVAILABLE, &body);
}

static void get_rollbar_test(struct http_request *request) {
  rollbar_send(route_context(request)->rollbar,
               &(struct rollbar_item){.level = "warning",
                                      .message = "Hello World!",
                                      .method = "GET",
                                      .route = "/rollbar/test",
                                      .request_id = http_request_id(request)});
  http_answer_static(request, HTTP_OK, "text/plain; charset=utf-8", STR("Hello World!"));
}

const struct http_route general_routes[] = {
    {HTTP_GET, "/api/health-check", HTTP_AUTH_NONE, 0, get_health_check},
    {HTTP_GET, "/api/readiness", HTTP_AUTH_NONE, 0, get_readiness},
    {HTTP_GET, "/rollbar/test", HTTP_AUTH_NONE, 0, get_rollbar_test},
    HTTP_ROUTES_END,
};
