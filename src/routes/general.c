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

static const char *trouble_word(enum pg_trouble trouble) {
  switch (trouble) {
  case PG_TROUBLE_NONE: return "up";
  case PG_TROUBLE_DOWN: return "down";
  case PG_TROUBLE_SCHEMA: return "lacks a table, column or function";
  case PG_TROUBLE_RIGHT: return "lacks a right";
  case PG_TROUBLE_LOCK: return "locked";
  case PG_TROUBLE_REFUSED: return "refuses a statement";
  }
  return "down";
}

/* What keeps a loop from its connections: NONE when each loop has one. */
struct connected {
  enum pg_trouble reads, writes;
};

static struct connected look_at_pools(const struct route_context *context) {
  struct connected connected = {PG_TROUBLE_NONE, PG_TROUBLE_NONE};
  for (unsigned i = 0; i < context->pool_count; i++) {
    struct pg_pool_stats stats = pg_pool_stats(context->pools[i]);
    if (stats.reads_trouble > connected.reads) connected.reads = stats.reads_trouble;
    if (stats.writes_trouble > connected.writes) connected.writes = stats.writes_trouble;
  }
  return connected;
}

/* Ready when every loop can read from Postgres, its schema is current, the user pool's keys are
 * loaded and the server is to stay. While no write can be made, reads are served still. */
static void get_readiness(struct http_request *request) {
  const struct route_context *context = route_context(request);
  struct connected connected = look_at_pools(context);
  bool postgres = connected.reads == PG_TROUBLE_NONE;
  bool schema = schema_check_passed(context->schema);
  bool keys = key_keeper_ready(context->keeper);
  bool stays = !http_server_draining(context->server);
  bool ready = postgres && schema && keys && stays;
  struct buffer body = BUFFER_EMPTY;
  buffer_append_format(&body,
                       "{\"ready\":%s,\"postgres\":\"%s\",\"writes\":\"%s\",\"schema\":\"%s\","
                       "\"keys\":\"%s\",\"server\":\"%s\"}",
                       ready ? "true" : "false", trouble_word(connected.reads),
                       trouble_word(connected.writes), schema ? "current" : "unchecked",
                       up_or_down(keys), stays ? "up" : "stopping");
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
    {HTTP_GET, "/api/health-check", HTTP_AUTH_NONE, 0, get_health_check, 0},
    {HTTP_GET, "/api/readiness", HTTP_AUTH_NONE, 0, get_readiness, 0},
    {HTTP_GET, "/rollbar/test", HTTP_AUTH_NONE, 0, get_rollbar_test, 0},
    HTTP_ROUTES_END,
};
