/* prepare.h: what a connection prepares when it opens, and what it says when that fails. Inside the
 * room. */
#pragma once

#include "lib/pg/statements.h"
#include "lib/pg/trouble.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

/* Queues in libpq the settings of the session, the statements of the lane and a sync. */
bool prepare_send(PGconn *conn, enum pg_lane lane, const char *statement_timeout,
                  const char *lock_timeout);

/* Says in words why what prepare_send() queued failed: `number` counts the results before this one,
 * `result` is the failed one. The text names the statement and the SQLSTATE. */
enum pg_trouble prepare_explain(enum pg_lane lane, unsigned number, const PGresult *result,
                                char *text, size_t size);

/* True when it was not yet said that this statement cannot be prepared, by whatever connection; it
 * counts as said then. From any loop. */
bool prepare_is_news(enum pg_lane lane, unsigned number);

/* Everything of the lane was prepared: the next failure is news again. From any loop. */
void prepare_succeeded(enum pg_lane lane);
