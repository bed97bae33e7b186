/* batch.h: a batch of statements: what is put together before pg_pool_submit() (pool.h).
 *
 * Statements are those of db/sql, embedded at build and addressed by enum pg_statement. Each
 * function takes a NULL batch, which stands for one that found no memory, and does nothing with it.
 */
#pragma once

#include "lib/base/error.h"
#include "lib/base/timing.h"
#include "lib/base/trace.h"
#include "lib/pg/result.h"
#include "lib/pg/statements.h" /* generated: enum pg_statement */

struct pg_batch;

enum pg_outcome {
  PG_DONE,        /* every statement ran and the transaction is committed */
  PG_UNAVAILABLE, /* not done: no connection, queue full, past the deadline; or, where the error
                     begins with "outcome unknown", sent and not answered: answer 503 */
  PG_FAILED,      /* Postgres refused: the error says why; a defect or a broken constraint */
};

enum { PG_BATCH_STATEMENTS = 4 };

/* Called once with the outcome. `results` has one entry a statement when it is PG_DONE; they live
 * for the time of the call. `error` is empty when it is PG_DONE. */
typedef void (*pg_done)(enum pg_outcome outcome, const struct pg_result *const *results,
                        const struct error *error, void *argument);

/* Makes the batch part of a trace; `parent` is copied and may be NULL. */
void pg_batch_trace(struct pg_batch *batch, const struct trace_context *parent);

/* Notes in `timing` where the batch's time goes, and its statements; it is borrowed until the
 * continuation was called and may be NULL. */
void pg_batch_time(struct pg_batch *batch, struct timing *timing);

/* Adds a statement; the parameters that follow belong to it, in the order of $1, $2, … The number
 * of them is asserted when the batch is submitted. Text and UUIDs are borrowed until the
 * continuation was called. */
void pg_batch_add(struct pg_batch *batch, enum pg_statement statement);
void pg_batch_bind_text(struct pg_batch *batch, struct str text);
void pg_batch_bind_null(struct pg_batch *batch);
void pg_batch_bind_uuid(struct pg_batch *batch, const struct uuid *uuid); /* NULL: SQL null */
void pg_batch_bind_int(struct pg_batch *batch, int32_t number);
void pg_batch_bind_timestamp(struct pg_batch *batch, int64_t unix_us); /* see pg_time.h */

/* Says which row a write locks. One that says nothing locks no row that others lock, or all of them
 * in the same way (a key share). */
void pg_batch_lock(struct pg_batch *batch, const struct uuid *row);

/* Says that a write locks rows that only its statement knows. A group takes at most one such,
 * beside writes that lock nothing. Those with the same `who` (a sub, a key) are likely to lock the
 * same. */
void pg_batch_lock_unknown(struct pg_batch *batch, struct str who);
