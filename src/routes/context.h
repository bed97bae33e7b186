/* context.h: what the handlers of one loop depend on. */
#pragma once

#include "lib/auth/auth.h"
#include "lib/http/http.h"
#include "lib/http/server.h"
#include "lib/pg/pool.h"

struct rollbar;
struct message_store;
struct schema_check;

struct route_context {
  struct pg_pool *pool;
  struct pg_pool *const *pools; /* of all loops: readiness is one answer for the process */
  unsigned pool_count;
  struct key_keeper *keeper;         /* shared by the loops */
  const struct schema_check *schema; /* shared by the loops */
  struct rollbar *rollbar;
  struct message_store *messages;
  struct http_server *server;
};

static inline struct route_context *route_context(const struct http_request *request) {
  return http_request_context(request);
}

/* A new batch for a request: on its loop's pool, part of its trace and its time. */
static inline struct pg_batch *route_batch_new(struct http_request *request) {
  struct pg_batch *batch = pg_pool_new_batch(route_context(request)->pool);
  pg_batch_trace(batch, http_request_trace(request));
  pg_batch_time(batch, http_request_timing(request));
  return batch;
}
