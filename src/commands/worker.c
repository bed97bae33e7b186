/* worker.c: builds one loop of the server and takes it apart.
 *
 * A worker is built by the main thread before any loop runs; from then on only its own loop touches
 * it. It ends in a chain: the HTTP server is drained, what handlers wait for is closed, the traces
 * and then the items for Rollbar are sent, and at last `finished` is called. Whatever of it fails,
 * the chain goes on. */
#include "commands/worker.h"

#include "lib/messages/messages.h"

#include <assert.h>

/* Requests and their statements go into traces where spans go somewhere. */
static bool start_tracing(struct worker *worker, struct error *error) {
  const struct worker_options *options = worker->options;
  if (!options->traced) return true;
  worker->tracer = tracer_new(worker->loop, worker->fetcher, &options->tracer, error);
  if (!worker->tracer) return false;
  struct span_sink *sink = tracer_sink(worker->tracer);
  pg_pool_trace(worker->context.pool, sink);
  http_server_trace(worker->context.server, sink);
  if (worker->aws) aws_client_trace(worker->aws, sink);
  if (loop_index(worker->loop) == 0) key_keeper_trace(worker->context.keeper, sink);
  return true;
}

/* Messages live in DynamoDB where the settings name a table, else in Postgres. */
static bool open_messages(struct worker *worker, struct error *error) {
  const struct worker_options *options = worker->options;
  struct route_context *context = &worker->context;
  if (!context->pool) return false;
  if (!options->provider) {
    context->messages = postgres_store_new(worker->loop, context->pool, error);
    return context->messages != NULL;
  }
  worker->aws = aws_client_new(worker->loop, options->provider, options->config, error);
  if (!worker->aws) return false;
  context->messages = dynamodb_store_new(worker->loop, context->pool, worker->aws,
                                         options->config->ddb_message_table,
                                         options->config->ddb_deadline_ms, error);
  return context->messages != NULL;
}

/* The first loop deletes old idempotency keys for all of them. */
static bool start_purge(struct worker *worker, struct error *error) {
  if (loop_index(worker->loop) != 0) return true;
  worker->purge =
      key_purge_new(worker->loop, worker->context.pool, worker->options->key_purge_s, error);
  return worker->purge != NULL;
}

bool worker_init(struct worker *worker, struct loop *loop, struct key_keeper *keeper, int listen_fd,
                 const struct worker_options *options, struct error *error) {
  assert(listen_fd >= 0);
  *worker = (struct worker){.loop = loop, .options = options};
  worker->fetcher = fetch_open(loop, error);
  worker->authenticator = worker->fetcher ? authenticator_new(loop, keeper, error) : NULL;
  if (!worker->authenticator) {
    close(listen_fd);
    return false;
  }
  worker->context.keeper = keeper;
  worker->context.rollbar = rollbar_new(loop, worker->fetcher, &options->rollbar, error);
  /* The schema's check uses a connection of its own, in place of one of the first loop's. */
  struct pg_pool_options pg = options->pg;
  pg.hold_one = loop_index(loop) == 0;
  worker->context.pool = pg_pool_new(loop, &pg, error);
  worker->context.server = http_server_new(loop, listen_fd, &options->http, &worker->context,
                                           worker->authenticator, error);
  if (!worker->context.rollbar || !worker->context.server) return false;
  http_server_on_failure(worker->context.server, rollbar_send_failure, worker->context.rollbar);
  return open_messages(worker, error) && start_purge(worker, error) && start_tracing(worker, error);
}

static void on_items_sent(void *argument) {
  struct worker *worker = argument;
  assert(worker->draining && worker->finished); /* the end of the chain that a drain begins */
  fetch_close(worker->fetcher);
  worker->finished(worker, worker->finished_argument);
}

static void on_traces_sent(void *argument) {
  struct worker *worker = argument;
  rollbar_drain(worker->context.rollbar, on_items_sent, worker);
}

/* The order matters: what handlers wait for gives up first, so that every request has an answer
 * when the HTTP server sends the last of them. */
static void on_drained(void *argument) {
  struct worker *worker = argument;
  assert(worker->draining);
  authenticator_close(worker->authenticator);
  message_store_close(worker->context.messages);
  key_purge_close(worker->purge);
  aws_client_close(worker->aws);
  pg_pool_close(worker->context.pool);
  http_server_close(worker->context.server);
  tracer_drain(worker->tracer, on_traces_sent, worker);
}

void worker_drain(struct worker *worker, uint64_t timeout_ms) {
  if (worker->draining) return;
  worker->draining = true;
  http_server_drain(worker->context.server, timeout_ms, on_drained, worker);
}
