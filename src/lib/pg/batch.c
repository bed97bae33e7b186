/* batch.c: a batch of statements: parameters, sending, results, the outcome. */
#include "lib/base/clock.h"
#include "lib/pg/internal.h"

#include <assert.h>
#include <endian.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void on_deadline(struct deadline *deadline) {
  struct pg_batch *batch = LIST_ENTRY(deadline, struct pg_batch, deadline);
  if (batch->state == PG_BATCH_SENT) {
    batch_orphan(batch);
    return;
  }
  assert(batch->state == PG_BATCH_QUEUED);
  batch->pool->queued--;
  batch_fail(batch, PG_UNAVAILABLE, "waited %u ms for a connection",
             batch->pool->options.deadline_ms);
  batch_finish(batch);
}

struct pg_batch *pg_batch_new(struct pg_pool *pool) {
  struct pg_batch *batch = malloc(sizeof(*batch));
  if (!batch) return NULL;
  batch->pool = pool;
  batch->state = PG_BATCH_OPEN;
  list_init(&batch->node);
  deadline_init(&batch->deadline, on_deadline);
  batch->call_count = 0;
  batch->result_count = 0;
  batch->parent.sampled = false;
  batch->outcome = PG_DONE;
  batch->failure = NULL;
  return batch;
}

void pg_batch_trace(struct pg_batch *batch, const struct trace_context *parent) {
  if (!batch || !batch->pool->sink || !trace_is_sampled(parent)) return;
  batch->parent = *parent;
  batch->start_unix_us = clock_unix_us();
}

void pg_batch_add(struct pg_batch *batch, enum pg_statement statement) {
  if (!batch) return;
  assert(batch->call_count < PG_BATCH_STATEMENTS);
  struct pg_call *call = &batch->calls[batch->call_count++];
  call->statement = statement;
  call->parameter_count = 0;
}

static void bind_value(struct pg_batch *batch, const void *value, size_t length) {
  if (!batch) return;
  assert(batch->call_count > 0);
  struct pg_call *call = &batch->calls[batch->call_count - 1];
  assert(call->parameter_count < PG_STATEMENT_PARAMETERS && length <= INT32_MAX);
  call->values[call->parameter_count] = value;
  call->lengths[call->parameter_count++] = (int)length;
}

static void bind_scalar(struct pg_batch *batch, uint64_t network_order, size_t length) {
  if (!batch) return;
  struct pg_call *call = &batch->calls[batch->call_count - 1];
  assert(call->parameter_count < PG_STATEMENT_PARAMETERS);
  uint64_t *scalar = &call->scalars[call->parameter_count];
  *scalar = network_order;
  bind_value(batch, scalar, length);
}

void pg_bind_text(struct pg_batch *batch, struct str text) {
  bind_value(batch, text.data ? text.data : "", text.length);
}

void pg_bind_uuid(struct pg_batch *batch, const struct uuid *uuid) {
  bind_value(batch, uuid ? uuid->bytes : NULL, uuid ? UUID_SIZE : 0);
}

void pg_bind_int(struct pg_batch *batch, int32_t number) {
  uint64_t scalar = 0;
  uint32_t network_order = htobe32((uint32_t)number);
  memcpy(&scalar, &network_order, sizeof(network_order));
  bind_scalar(batch, scalar, sizeof(network_order));
}

void pg_bind_timestamp(struct pg_batch *batch, int64_t unix_us) {
  bool special = unix_us == INT64_MAX || unix_us < INT64_MIN + PG_EPOCH_UNIX_US;
  int64_t pg_us = special ? unix_us : unix_us - PG_EPOCH_UNIX_US;
  bind_scalar(batch, htobe64((uint64_t)pg_us), sizeof(pg_us));
}

/* Each write is a transaction of its own: there is nothing to order yet. */
void pg_batch_lock_unknown(struct pg_batch *batch, struct str who) {
  (void)batch, (void)who;
}

void pg_batch_lock(struct pg_batch *batch, const struct uuid *row) {
  (void)batch, (void)row;
}

static bool send_call(const struct pg_call *call, PGconn *conn, bool prepare) {
  static const int BINARY[PG_STATEMENT_PARAMETERS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  const struct pg_statement_source *source = &pg_statement_sources[call->statement];
  if (prepare && !source->custom_plan)
    return PQsendQueryPrepared(conn, source->name, call->parameter_count, call->values,
                               call->lengths, BINARY, 1);
  return PQsendQueryParams(conn, source->sql, call->parameter_count, NULL, call->values,
                           call->lengths, BINARY, 1);
}

/* Poolers refuse statement_timeout among the connection's options and hand each transaction to
 * another server, so there it is set for the transaction, by a statement in front. */
static bool send_timeout(const struct pg_pool *pool, PGconn *conn) {
  const char *const values[] = {pool->timeout_text};
  return PQsendQueryParams(conn, "SELECT set_config('statement_timeout', $1, true)", 1, NULL,
                           values, NULL, NULL, 1);
}

bool batch_send(struct pg_batch *batch, PGconn *conn) {
  const struct pg_pool *pool = batch->pool;
  bool sent = pool->options.prepare || send_timeout(pool, conn);
  if (!pool->options.prepare) batch->result_count = -1;
  for (int i = 0; sent && i < batch->call_count; i++)
    sent = send_call(&batch->calls[i], conn, pool->options.prepare);
  return sent && PQpipelineSync(conn);
}

static bool is_unavailable(const char *sqlstate) {
  static const char *const UNAVAILABLE[] = {
      "08",    /* connection exception */
      "53",    /* insufficient resources */
      "57",    /* operator intervention: statement timeout, shutdown, starting up */
      "25006", /* read-only: a server that was demoted */
      "0A000", /* a prepared plan that no longer fits the table */
      "26000", /* a prepared statement that the server does not know */
      "40",    /* serialization failure, deadlock */
      "55P03", /* lock not available */
  };
  for (size_t i = 0; i < sizeof(UNAVAILABLE) / sizeof(UNAVAILABLE[0]); i++)
    if (strncmp(sqlstate, UNAVAILABLE[i], strlen(UNAVAILABLE[i])) == 0) return true;
  return false;
}

bool batch_error_spoils_connection(const PGresult *result) {
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return sqlstate && (strcmp(sqlstate, "25006") == 0 || strcmp(sqlstate, "0A000") == 0 ||
                      strcmp(sqlstate, "26000") == 0);
}

/* The message may quote what a person wrote only in its detail, which is left out. */
static void fail_by_result(struct pg_batch *batch, const PGresult *result) {
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (!sqlstate) sqlstate = "08006"; /* made by libpq: the connection is gone */
  int call = batch->result_count < 0 ? 0 : batch->result_count;
  if (call >= batch->call_count) call = batch->call_count - 1;
  batch_fail(batch, is_unavailable(sqlstate) ? PG_UNAVAILABLE : PG_FAILED, "%s: %s (SQLSTATE %s)",
             pg_statement_sources[batch->calls[call].statement].name,
             message ? message : "connection lost", sqlstate);
}

void batch_take_result(struct pg_batch *batch, PGresult *result) {
  ExecStatusType status = PQresultStatus(result);
  bool good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
  if (status == PGRES_FATAL_ERROR) fail_by_result(batch, result);
  bool keep = good && batch->result_count >= 0 && batch->result_count < batch->call_count &&
              batch->state == PG_BATCH_SENT;
  if (keep)
    batch->results[batch->result_count] = result;
  else
    PQclear(result);
  if (good && (keep || batch->result_count < 0)) batch->result_count++;
}

void batch_fail(struct pg_batch *batch, enum pg_outcome outcome, const char *format, ...) {
  if (batch->outcome != PG_DONE) return;
  batch->outcome = outcome;
  batch->failure = calloc(1, sizeof(*batch->failure));
  if (!batch->failure) return;
  batch->failure->kind = outcome == PG_UNAVAILABLE ? ERROR_UNAVAILABLE : ERROR_INTERNAL;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(batch->failure->message, sizeof(batch->failure->message), format, arguments);
  va_end(arguments);
}

static void name_span(const struct pg_batch *batch, char *name, size_t size) {
  size_t used = (size_t)snprintf(name, size, "postgres");
  for (int i = 0; i < batch->call_count && used < size; i++)
    used += (size_t)snprintf(name + used, size - used, "%s%s", i == 0 ? " " : "+",
                             pg_statement_sources[batch->calls[i].statement].name);
}

static void record_span(const struct pg_batch *batch) {
  struct span_sink *sink = batch->pool->sink;
  if (!batch->parent.sampled) return;
  struct span span;
  trace_begin_call(&span, sink, &batch->parent, "postgresql");
  span.start_unix_us = batch->start_unix_us;
  name_span(batch, span.name, sizeof(span.name));
  span.failed = batch->outcome != PG_DONE;
  if (span.failed)
    snprintf(span.error, sizeof(span.error), "%s",
             batch->outcome == PG_UNAVAILABLE ? "unavailable" : "refused");
  trace_end(&span, sink);
}

static void count(const struct pg_batch *batch) {
  struct pg_pool *pool = batch->pool;
  uint64_t waited_us = clock_monotonic_us() - batch->submitted_us;
  atomic_fetch_add_explicit(&pool->stats.batches, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&pool->stats.waited_us, waited_us, memory_order_relaxed);
  if (batch->outcome == PG_UNAVAILABLE)
    atomic_fetch_add_explicit(&pool->stats.unavailable, 1, memory_order_relaxed);
  if (batch->outcome == PG_FAILED)
    atomic_fetch_add_explicit(&pool->stats.failed, 1, memory_order_relaxed);
}

static void tell(struct pg_batch *batch) {
  count(batch);
  record_span(batch);
  static const struct error NONE = {0};
  const struct error *failure = batch->failure ? batch->failure : &NONE;
  batch->done(batch->outcome, (const struct pg_result *const *)(const void *)batch->results,
              failure, batch->argument);
}

static void clear_results(struct pg_batch *batch) {
  for (int i = 0; i < batch->result_count; i++)
    PQclear(batch->results[i]);
  batch->result_count = 0;
}

void batch_finish(struct pg_batch *batch) {
  list_remove(&batch->node);
  deadline_stop(&batch->deadline);
  if (batch->state != PG_BATCH_ORPHANED) {
    if (batch->outcome == PG_DONE && batch->result_count != batch->call_count)
      batch_fail(batch, PG_FAILED, "%d results for %d statements", batch->result_count,
                 batch->call_count);
    tell(batch);
  }
  clear_results(batch);
  free(batch->failure);
  free(batch);
}

/* An answer later than the deadline has only so long before the connection counts as hung. */
static void on_patience_end(struct deadline *deadline) {
  struct pg_batch *batch = LIST_ENTRY(deadline, struct pg_batch, deadline);
  for (unsigned i = 0; i < batch->pool->options.connections; i++) {
    struct pg_connection *connection = &batch->pool->connections[i];
    for (struct list *node = connection->flight.next; node != &connection->flight;
         node = node->next) {
      if (node != &batch->node) continue;
      connection_lose(connection, "no answer long after the deadline");
      return;
    }
  }
}

void batch_orphan(struct pg_batch *batch) {
  batch_fail(batch, PG_UNAVAILABLE, "%s: no answer within %u ms",
             pg_statement_sources[batch->calls[0].statement].name,
             batch->pool->options.deadline_ms);
  tell(batch);
  clear_results(batch);
  batch->state = PG_BATCH_ORPHANED;
  deadline_init(&batch->deadline, on_patience_end);
  deadline_start(&batch->pool->patience, &batch->deadline);
}
