/* flight.c: what is in flight on one connection, and how each batch of it ends.
 *
 * Results come in the order in which the batches were sent. In a flight that is pipelined (reads) a
 * batch ends with its own last result; in any other with the sync, when the transaction has ended.
 * A batch ends in end_batch() alone, with a verdict: ANSWERED, UNDONE or LOST. `syncs` counts what
 * libpq will still report; `head_deadline` runs while a batch is in flight. All on the loop. */
#include "lib/pg/flight.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <assert.h>
#include <string.h>

enum { EARLY_MS = 50 }; /* the server's own time-out comes no earlier than this before its time */

void flight_init(struct pg_flight *flight) {
  list_init(&flight->batches);
}

/* --- The head: the first batch --- */

struct pg_batch *flight_head(const struct pg_flight *flight) {
  if (list_empty(&flight->batches)) return NULL;
  return LIST_ENTRY(flight->batches.next, struct pg_batch, node);
}

uint64_t flight_head_ms(const struct pg_flight *flight) {
  if (list_empty(&flight->batches)) return 0;
  return loop_now_ms(flight->loop) - flight->head_since_ms;
}

/* The head had a result, or another batch is the head now: its time starts again. */
static void restart_head(struct pg_flight *flight) {
  flight->head_since_ms = loop_now_ms(flight->loop);
  if (list_empty(&flight->batches))
    loop_deadline_stop(&flight->head_deadline);
  else
    loop_deadline_start(flight->heads, &flight->head_deadline);
}

bool flight_is_empty(const struct pg_flight *flight) {
  return list_empty(&flight->batches) && flight->syncs == 0 && !flight->unsynced;
}

void flight_add(struct pg_flight *flight, struct pg_batch *batch) {
  assert(flight->pipelined || flight->syncs == 0); /* one transaction at a time */
  bool was_empty = list_empty(&flight->batches);
  if (flight_is_empty(flight)) flight->transaction_since_ms = loop_now_ms(flight->loop);
  batch_become(batch, PG_BATCH_SENT);
  batch->sent_us = clock_monotonic_us();
  list_append(&flight->batches, &batch->node);
  flight->depth++;
  flight->of_statement[batch->calls[0].statement]++;
  flight->unsynced = true;
  if (was_empty) restart_head(flight);
}

/* --- Ending --- */

/* True when the verdict says no more than what is known of the batch. */
static bool verdict_fits(const struct pg_batch *batch, enum pg_end end, const char *reason) {
  switch (end) {
  case PG_END_ANSWERED: return !batch->aborted || batch->outcome != PG_DONE;
  case PG_END_UNDONE: return batch_has_failed(batch) || reason;
  case PG_END_LOST: return reason;
  }
  return false;
}

static void end_batch(struct pg_flight *flight, struct pg_batch *batch, enum pg_end end,
                      const char *reason) {
  assert(batch->state == PG_BATCH_SENT || batch->state == PG_BATCH_ORPHANED);
  assert(verdict_fits(batch, end, reason));
  assert(flight->depth > 0 && flight->of_statement[batch->calls[0].statement] > 0);
  list_remove(&batch->node);
  flight->depth--;
  flight->of_statement[batch->calls[0].statement]--;
  flight->ended(flight, batch, end, reason);
}

static void end_batches(struct pg_flight *flight, enum pg_end end, const char *reason) {
  struct pg_batch *batch;
  while ((batch = flight_head(flight)))
    end_batch(flight, batch, end, reason);
}

void flight_end(struct pg_flight *flight, enum pg_end end, const char *reason) {
  flight->syncs = 0;
  flight->unsynced = flight->uncertain = flight->refused_unread = false;
  flight->demoted = flight->unprepared = false;
  loop_deadline_stop(&flight->head_deadline);
  end_batches(flight, end, reason);
  assert(flight->depth == 0);
}

/* --- Errors --- */

static bool has_sqlstate(const struct pg_batch *batch, const char *sqlstate) {
  return strcmp(batch->sqlstate, sqlstate) == 0;
}

/* A plan that no longer fits its table, or a statement that a pooler or a migration took away. */
static bool is_unprepared(const struct pg_batch *batch) {
  return has_sqlstate(batch, "0A000") || has_sqlstate(batch, "26000");
}

/* A statement that was cancelled before its own time was over: the cancel was meant for an earlier
 * statement, or an operator sent it. Postgres sends the results of a transaction together, so only
 * the whole transaction can be timed. */
static bool is_cancelled_early(const struct pg_flight *flight, const struct pg_batch *batch) {
  uint64_t ran_ms = loop_now_ms(flight->loop) - flight->transaction_since_ms;
  return has_sqlstate(batch, "57014") && ran_ms + EARLY_MS < flight->deadline_ms;
}

static enum pg_end judge(const struct pg_flight *flight, const struct pg_batch *batch) {
  bool again = batch->aborted && batch->sqlstate[0] == '\0';
  again = again || is_unprepared(batch) || is_cancelled_early(flight, batch);
  return again ? PG_END_UNDONE : PG_END_ANSWERED;
}

/* Notes what an error says about the whole connection. */
static void heed_error(struct pg_flight *flight, const struct pg_batch *batch) {
  flight->demoted = flight->demoted || has_sqlstate(batch, "25006");
  flight->unprepared = flight->unprepared || is_unprepared(batch);
}

/* A commit that was cancelled while it waited for a synchronous standby succeeds with a warning. A
 * trigger may raise a warning of the same class. The name of the server's function tells them
 * apart; where a proxy leaves the name out, the warning is taken for the commit's. */
void flight_take_notice(struct pg_flight *flight, const PGresult *notice) {
  const char *sqlstate = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
  const char *function = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);
  if (sqlstate && strcmp(sqlstate, "01000") == 0 &&
      (!function || strcmp(function, "SyncRepWaitForLSN") == 0))
    flight->uncertain = true;
}

/* --- Results --- */

/* libpq updates the status only after a PQgetResult() that found nothing more to read. */
bool flight_transaction_has_ended(PGconn *conn) {
  if (PQtransactionStatus(conn) == PQTRANS_ACTIVE && !PQisBusy(conn)) PQclear(PQgetResult(conn));
  return PQtransactionStatus(conn) == PQTRANS_IDLE;
}

/* The batch whose results come next; NULL when only the sync's is outstanding. */
static struct pg_batch *receiving(const struct pg_flight *flight) {
  const struct list *end = &flight->batches;
  for (struct list *node = end->next; node != end; node = node->next) {
    struct pg_batch *batch = LIST_ENTRY(node, struct pg_batch, node);
    if (!batch_is_complete(batch)) return batch;
  }
  return NULL;
}

/* The error of a commit (of a deferred constraint, for example) comes after all statements. */
static void take_commit_error(struct pg_flight *flight, const PGresult *result) {
  const struct list *end = &flight->batches;
  struct pg_batch *head = flight_head(flight);
  if (!head) return;
  if (flight->depth == 1) {
    batch_fail_by_result(head, head->call_count - 1, result);
    return;
  }
  for (struct list *node = &head->node; node != end; node = node->next)
    LIST_ENTRY(node, struct pg_batch, node)->aborted = true;
}

/* Notes every error of the transaction; true when there is one. */
static bool heed_errors(struct pg_flight *flight) {
  const struct list *end = &flight->batches;
  bool failed = false;
  for (struct list *node = end->next; node != end; node = node->next) {
    const struct pg_batch *batch = LIST_ENTRY(node, struct pg_batch, node);
    heed_error(flight, batch);
    failed = failed || batch_has_failed(batch);
  }
  return failed;
}

/* A transaction that failed did nothing. A batch that was alone in it is judged by its error; of
 * several, each runs again. A server that takes no writes would refuse them again. */
static void end_failed(struct pg_flight *flight) {
  bool single = flight->depth == 1;
  struct pg_batch *batch;
  while ((batch = flight_head(flight))) {
    enum pg_end end = single ? judge(flight, batch) : PG_END_UNDONE;
    if (flight->demoted) {
      batch_fail(batch, PG_UNAVAILABLE, "the server takes no writes (SQLSTATE 25006)");
      end = PG_END_ANSWERED;
    }
    end_batch(flight, batch, end, "a statement of its transaction failed");
  }
}

static bool end_transaction(struct pg_flight *flight, PGconn *conn) {
  bool failed = heed_errors(flight), uncertain = flight->uncertain;
  if (!flight_transaction_has_ended(conn)) return false;
  flight->uncertain = false;
  if (failed)
    end_failed(flight);
  else if (uncertain)
    end_batches(flight, PG_END_LOST, "the commit was cancelled while it waited for a standby");
  else
    end_batches(flight, PG_END_ANSWERED, NULL);
  restart_head(flight);
  return true;
}

static bool take_sync(struct pg_flight *flight, PGconn *conn) {
  assert(flight->syncs > 0);
  flight->syncs--;
  if (flight->pipelined) flight->transaction_since_ms = loop_now_ms(flight->loop);
  if (!flight->pipelined) return end_transaction(flight, conn);
  return !flight_is_empty(flight) || flight_transaction_has_ended(conn);
}

static bool ends_idle_session(const PGresult *result) {
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return sqlstate && strcmp(sqlstate, "57P05") == 0;
}

static void log_statement(const struct pg_flight *flight, const struct pg_batch *batch, int call,
                          const PGresult *result, uint64_t duration_us) {
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  struct str request_id = batch->timing ? batch->timing->request_id : STR("");
  log_event(LOG_LEVEL_DEBUG, "statement",
            log_text("statement", pg_statement_sources[batch->calls[call].statement].name),
            log_ms("duration_ms", duration_us), log_int("rows", PQntuples(result)),
            log_int("loop", loop_index(flight->loop)), log_str("request_id", request_id),
            sqlstate ? log_text("sqlstate", sqlstate) : LOG_END, LOG_END);
}

/* Results of settings that were put in front, and of what was not run, are no statement's. */
static void time_statement(struct pg_flight *flight, const struct pg_batch *batch,
                           const PGresult *result) {
  uint64_t now_us = clock_monotonic_us();
  bool waited = flight->answered_us > batch->sent_us;
  uint64_t duration_us = now_us - (waited ? flight->answered_us : batch->sent_us);
  int call = batch->received - (batch->expected - batch->call_count);
  flight->answered_us = now_us;
  if (call < 0 || PQresultStatus(result) == PGRES_PIPELINE_ABORTED) return;
  statement_times_record(flight->times, batch->calls[call].statement, now_us, duration_us);
  if (log_enabled(LOG_LEVEL_DEBUG)) log_statement(flight, batch, call, result, duration_us);
}

static void take_statement_result(struct pg_flight *flight, struct pg_batch *batch,
                                  PGresult *result) {
  bool first = batch == flight_head(flight) && batch->received == 0;
  flight->refused_unread = flight->refused_unread || (first && ends_idle_session(result));
  if (flight->times) time_statement(flight, batch, result);
  batch_take_result(batch, result);
  if (flight->refused_unread) return; /* the end of the connection follows */
  if (flight->pipelined && batch_is_complete(batch)) {
    heed_error(flight, batch);
    end_batch(flight, batch, judge(flight, batch), NULL);
  }
  restart_head(flight);
}

bool flight_take_result(struct pg_flight *flight, PGconn *conn, PGresult *result) {
  if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
    PQclear(result);
    return take_sync(flight, conn);
  }
  struct pg_batch *batch = receiving(flight);
  if (batch) {
    take_statement_result(flight, batch, result);
  } else {
    take_commit_error(flight, result);
    PQclear(result);
  }
  return true;
}
