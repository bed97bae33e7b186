/* batch.c: a batch: its statements and parameters, its results, what its caller is told.
 *
 * A batch belongs to its caller while it is put together, and to the pool from pg_pool_submit()
 * on: first to a queue, then to the flight of a connection. Its state changes in batch_become()
 * alone. Whoever holds it when it ends calls batch_tell(), once, and then batch_free(). Everything
 * happens on the pool's loop. Parameters are borrowed from the caller; results are owned by the
 * batch. */
#include "lib/base/clock.h"
#include "lib/pg/batch_inside.h"
#include "lib/pg/connect.h"
#include "lib/pg/pg_time.h"

#include <assert.h>
#include <endian.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct pg_batch *batch_new(struct pg_pool *pool, struct span_sink *sink,
                           void (*expired)(struct deadline *deadline)) {
  struct pg_batch *batch = malloc(sizeof(*batch));
  if (!batch) return NULL;
  /* `calls` is left as it is, because it is large: parameters are written before they are read. */
  memset(batch, 0, offsetof(struct pg_batch, calls));
  memset(&batch->lock, 0, sizeof(*batch) - offsetof(struct pg_batch, lock));
  batch->pool = pool;
  batch->sink = sink;
  list_init(&batch->node);
  list_init(&batch->suspect_node);
  loop_deadline_init(&batch->deadline, expired);
  return batch;
}

/* --- Its life --- */

/* The states that may follow each state, as bits. */
static const unsigned NEXT[PG_BATCH_STATES] = {
    [PG_BATCH_OPEN] = 1U << PG_BATCH_WAITING | 1U << PG_BATCH_REFUSED,
    [PG_BATCH_WAITING] = 1U << PG_BATCH_SENT | 1U << PG_BATCH_TOLD,
    [PG_BATCH_SENT] = 1U << PG_BATCH_WAITING | 1U << PG_BATCH_ORPHANED | 1U << PG_BATCH_TOLD,
    [PG_BATCH_REFUSED] = 1U << PG_BATCH_TOLD,
};

void batch_become(struct pg_batch *batch, enum pg_batch_state state) {
  assert(NEXT[batch->state] & 1U << state);
  batch->state = state;
}

/* --- Putting it together --- */

void pg_batch_trace(struct pg_batch *batch, const struct trace_context *parent) {
  if (!batch || !batch->sink || !trace_is_sampled(parent)) return;
  batch->parent = *parent;
  batch->start_unix_us = clock_unix_us();
}

void pg_batch_time(struct pg_batch *batch, struct timing *timing) {
  if (batch) batch->timing = timing;
}

void pg_batch_lock(struct pg_batch *batch, const struct uuid *row) {
  if (!batch) return;
  batch->lock = PG_LOCK_ROW;
  batch->lock_key = *row;
}

/* A sub of Cognito is a UUID, but any text is folded into a key. Where two texts give one key,
 * their writes only wait for each other. */
void pg_batch_lock_unknown(struct pg_batch *batch, struct str who) {
  if (!batch) return;
  batch->lock = PG_LOCK_UNKNOWN;
  batch->lock_key = (struct uuid){{0}};
  for (size_t i = 0; i < who.length; i++) {
    unsigned char *byte = &batch->lock_key.bytes[i % UUID_SIZE];
    *byte = (unsigned char)(*byte * 31 + (unsigned char)who.data[i]);
  }
}

bool batch_has_all_parameters(const struct pg_batch *batch) {
  for (int i = 0; i < batch->call_count; i++) {
    const struct pg_call *call = &batch->calls[i];
    if (call->parameter_count != pg_statement_sources[call->statement].parameters) return false;
  }
  return true;
}

enum pg_lane batch_strictest_lane(const struct pg_batch *batch) {
  enum pg_lane strictest = PG_LANE_READ;
  for (int i = 0; i < batch->call_count; i++) {
    enum pg_lane lane = pg_statement_sources[batch->calls[i].statement].lane;
    if (lane > strictest) strictest = lane;
  }
  return strictest;
}

void pg_batch_add(struct pg_batch *batch, enum pg_statement statement) {
  if (!batch) return;
  assert(batch->state == PG_BATCH_OPEN && statement < PG_STATEMENTS);
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

void pg_batch_bind_text(struct pg_batch *batch, struct str text) {
  bind_value(batch, text.data ? text.data : "", text.length);
}

void pg_batch_bind_null(struct pg_batch *batch) {
  bind_value(batch, NULL, 0);
}

void pg_batch_bind_uuid(struct pg_batch *batch, const struct uuid *uuid) {
  bind_value(batch, uuid ? uuid->bytes : NULL, uuid ? UUID_SIZE : 0);
}

void pg_batch_bind_int(struct pg_batch *batch, int32_t number) {
  uint64_t scalar = 0;
  uint32_t network_order = htobe32((uint32_t)number);
  memcpy(&scalar, &network_order, sizeof(network_order));
  bind_scalar(batch, scalar, sizeof(network_order));
}

void pg_batch_bind_timestamp(struct pg_batch *batch, int64_t unix_us) {
  assert(pg_time_exists(unix_us));
  int64_t pg_us = pg_time_to_postgres(unix_us);
  bind_scalar(batch, htobe64((uint64_t)pg_us), sizeof(pg_us));
}

/* --- Sending --- */

/* The format of each parameter: 1 means binary. */
static const int BINARY[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

_Static_assert(sizeof(BINARY) / sizeof(BINARY[0]) >= PG_STATEMENT_PARAMETERS,
               "every parameter has a format");

static bool send_call(const struct pg_call *call, PGconn *conn, bool prepared) {
  const struct pg_statement_source *source = &pg_statement_sources[call->statement];
  if (prepared && !source->custom_plan)
    return PQsendQueryPrepared(conn, source->name, call->parameter_count, call->values,
                               call->lengths, BINARY, 1);
  return PQsendQueryParams(conn, source->sql, call->parameter_count, NULL, call->values,
                           call->lengths, BINARY, 1);
}

/* A pooler gives each transaction to another session of the server. A setting of the session would
 * reach other clients and not us, so each transaction begins with its settings. The isolation level
 * must be set before the first query, and by SET; Postgres warns that there was no BEGIN (25P01),
 * but sets it. */
static int send_prelude(PGconn *conn, const struct batch_prelude *prelude) {
  const char *const values[] = {prelude->statement_timeout, prelude->lock_timeout};
  bool sent = PQsendQueryParams(conn, "SET LOCAL transaction_isolation = 'read committed'", 0, NULL,
                                NULL, NULL, NULL, 1) &&
              PQsendQueryParams(conn,
                                "SELECT set_config('statement_timeout', $1, true), "
                                "set_config('lock_timeout', $2, true), " CONNECT_SETTINGS("true"),
                                2, NULL, values, NULL, NULL, 1);
  return sent ? 2 : -1;
}

bool batch_send(struct pg_batch *batch, PGconn *conn, const struct batch_prelude *prelude,
                bool prepared) {
  assert(batch->received == 0 && batch->result_count == 0 && batch->outcome == PG_DONE);
  int in_front = prelude ? send_prelude(conn, prelude) : 0;
  if (in_front < 0) return false;
  batch->expected = in_front + batch->call_count;
  for (int i = 0; i < batch->call_count; i++)
    if (!send_call(&batch->calls[i], conn, prepared)) return false;
  return true;
}

/* --- Results --- */

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

/* Postgres quotes values, and so what a person wrote, only in the detail, which is left out. */
void batch_fail_by_result(struct pg_batch *batch, int call, const PGresult *result) {
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (!sqlstate) sqlstate = "08006"; /* made by libpq: the connection is gone */
  assert(call < batch->call_count);
  snprintf(batch->sqlstate, sizeof(batch->sqlstate), "%s", sqlstate);
  batch_fail(batch, is_unavailable(sqlstate) ? PG_UNAVAILABLE : PG_FAILED, "%s: %s (SQLSTATE %s)",
             pg_statement_sources[batch->calls[call < 0 ? 0 : call].statement].name,
             message ? message : "connection lost", sqlstate);
}

void batch_take_result(struct pg_batch *batch, PGresult *result) {
  assert(batch->received < batch->expected);
  int call = batch->received - (batch->expected - batch->call_count);
  batch->received++;
  switch (PQresultStatus(result)) {
  case PGRES_PIPELINE_ABORTED: batch->aborted = true; break;
  case PGRES_TUPLES_OK:
  case PGRES_COMMAND_OK:
    if (call < 0 || batch->state != PG_BATCH_SENT) break;
    assert(call == batch->result_count && call < batch->call_count);
    batch->results[batch->result_count++] = result;
    return;
  default: batch_fail_by_result(batch, call, result);
  }
  PQclear(result);
}

static void clear_results(struct pg_batch *batch) {
  for (int i = 0; i < batch->result_count; i++)
    PQclear(batch->results[i]);
  batch->result_count = 0;
}

void batch_reset(struct pg_batch *batch) {
  clear_results(batch);
  free(batch->failure);
  batch->failure = NULL;
  batch->outcome = PG_DONE;
  batch->sqlstate[0] = '\0';
  batch->aborted = false;
  batch->expected = batch->received = 0;
}

/* --- The outcome --- */

void batch_fail(struct pg_batch *batch, enum pg_outcome outcome, const char *format, ...) {
  assert(outcome != PG_DONE);
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

static void describe(const struct pg_batch *batch, struct span *span) {
  size_t used = 0, size = sizeof(span->operation);
  for (int i = 0; i < batch->call_count && used < size; i++)
    used += (size_t)snprintf(span->operation + used, size - used, "%s%s", i == 0 ? "" : "+",
                             pg_statement_sources[batch->calls[i].statement].name);
  snprintf(span->name, sizeof(span->name), "postgres %.100s", span->operation);
  span->statements = (unsigned)batch->call_count;
  if (!batch->place) return;
  snprintf(span->host, sizeof(span->host), "%s", batch->place->host);
  snprintf(span->space, sizeof(span->space), "%s", batch->place->database);
  span->port = batch->place->port;
}

/* What Postgres reported, or why it reported nothing. */
static void describe_failure(const struct pg_batch *batch, struct span *span) {
  const char *word = batch->outcome == PG_UNAVAILABLE ? "unavailable" : "refused";
  span->failed = true;
  snprintf(span->code, sizeof(span->code), "%s", batch->sqlstate);
  snprintf(span->error, sizeof(span->error), "%s", *batch->sqlstate ? batch->sqlstate : word);
}

static void record_span(const struct pg_batch *batch) {
  struct span_sink *sink = batch->sink;
  if (!batch->parent.sampled) return;
  struct span span;
  trace_begin_call(&span, sink, &batch->parent, "postgresql");
  span.start_unix_us = batch->start_unix_us;
  describe(batch, &span);
  if (batch->outcome != PG_DONE) describe_failure(batch, &span);
  trace_end(&span, sink);
}

/* A batch that never left has waited only. */
static void note_timing(struct pg_batch *batch) {
  uint64_t now_us = clock_monotonic_us();
  uint64_t left_us = batch->sent_us ? batch->sent_us : now_us;
  timing_add(batch->timing, left_us - batch->submitted_us, now_us - left_us);
  for (int i = 0; i < batch->call_count; i++)
    timing_name(batch->timing, pg_statement_sources[batch->calls[i].statement].name);
  batch->timing = NULL;
}

void batch_tell(struct pg_batch *batch, enum pg_batch_state state) {
  static const struct error NONE = {0};
  assert(batch->outcome != PG_DONE || batch->result_count == batch->call_count);
  batch_become(batch, state);
  record_span(batch);
  note_timing(batch);
  const struct error *failure = batch->failure ? batch->failure : &NONE;
  batch->done(batch->outcome, (const struct pg_result *const *)(const void *)batch->results,
              failure, batch->argument);
  clear_results(batch);
}

void batch_free(struct pg_batch *batch) {
  assert(batch->state == PG_BATCH_TOLD || batch->state == PG_BATCH_ORPHANED ||
         batch->state == PG_BATCH_OPEN);
  list_remove(&batch->node);
  list_remove(&batch->suspect_node);
  loop_deadline_stop(&batch->deadline);
  clear_results(batch);
  free(batch->failure);
  free(batch);
}
