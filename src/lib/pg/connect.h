/* connect.h: opening a connection to Postgres: what CONNECTION_URL says and what the server's
 * sessions need on top of it. Inside the room. */
#pragma once

#include "lib/pg/statements.h"
#include "lib/pg/trouble.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

/* Connects and blocks until that succeeded or failed: for a worker thread, because libpq resolves
 * names and reads files meanwhile. The caller's connection, to be looked at with PQstatus(); NULL
 * when memory is out. */
PGconn *connect_blocking(const char *connection_url);

/* What a session of ours must not inherit from its role, its database or a pooler, as the list of a
 * SELECT; `is_local` is "true" (for the transaction) or "false" (for the session). These settings
 * change what our SQL means, which rows it finds, how values read as text, what an acknowledgement
 * is worth, or which warnings reach us. What only makes statements slower is the operator's, and so
 * is whatever keeps others out: default_transaction_read_only, row_security, search_path (our SQL
 * names its schema), role.
 *
 * - backslashes in the SQL: standard_conforming_strings;
 * - a GIN index that gives up after so many rows: gin_fuzzy_search_limit;
 * - the warning that a commit was cancelled, see flight_take_notice(): client_min_messages;
 * - an error that ends the session, and with it the writes behind it: exit_on_error;
 * - a commit that a crash of the server loses: synchronous_commit. Any level but "off" is kept;
 * - triggers and foreign keys that are passed over: session_replication_role. Only a superuser may
 *   change it, so it is touched only where it has to be;
 * - a limit on transactions, of Postgres 17: transaction_timeout. */
#define CONNECT_SETTINGS(is_local)                                                                 \
  "set_config('TimeZone', 'UTC', " is_local "), "                                                  \
  "set_config('DateStyle', 'ISO, MDY', " is_local "), "                                            \
  "set_config('IntervalStyle', 'postgres', " is_local "), "                                        \
  "set_config('bytea_output', 'hex', " is_local "), "                                              \
  "set_config('extra_float_digits', '1', " is_local "), "                                          \
  "set_config('standard_conforming_strings', 'on', " is_local "), "                                \
  "set_config('transform_null_equals', 'off', " is_local "), "                                     \
  "set_config('gin_fuzzy_search_limit', '0', " is_local "), "                                      \
  "set_config('client_min_messages', 'warning', " is_local "), "                                   \
  "set_config('exit_on_error', 'off', " is_local "), "                                             \
  "set_config('default_transaction_isolation', 'read committed', " is_local "), "                  \
  "CASE current_setting('synchronous_commit') WHEN 'off' "                                         \
  "THEN set_config('synchronous_commit', 'on', " is_local ") END, "                                \
  "CASE WHEN current_setting('session_replication_role') <> 'origin' "                             \
  "THEN set_config('session_replication_role', 'origin', " is_local ") END, "                      \
  "CASE WHEN current_setting('transaction_timeout', true) <> '0' "                                 \
  "THEN set_config('transaction_timeout', '0', " is_local ") END"

/* The database's encoding as the server reported it when connecting; UTF8 is what texts need. NULL:
 * a proxy did not pass it on. */
const char *connect_encoding(const PGconn *conn);

/* True unless the server said that the database's encoding is another one than UTF8. */
bool connect_is_utf8(const PGconn *conn);

/* True when the server said that it takes no writes: a standby, or read-only by default. */
bool connect_is_read_only(const PGconn *conn);

/* Queues in libpq, which is in pipeline mode, the settings of the session (CONNECT_SETTINGS and the
 * time-outs), the statements of the lane and a sync. Settings go by a statement, not by the startup
 * packet's `options`: PgBouncer refuses those, or drops them without a word. */
bool connect_send_prepares(PGconn *conn, enum pg_lane lane, const char *statement_timeout,
                           const char *lock_timeout);

/* Says in words why what connect_send_prepares() queued failed: `number` counts the results before
 * this one, `result` is the failed one. The text names the statement and the SQLSTATE. */
enum pg_trouble connect_explain(enum pg_lane lane, unsigned number, const PGresult *result,
                                char *text, size_t size);

/* True when it was not yet said that this statement cannot be prepared, by whatever connection; it
 * counts as said then. From any loop. */
bool connect_is_news(enum pg_lane lane, unsigned number);

/* Everything of the lane was prepared: the next failure is news again. From any loop. */
void connect_succeeded(enum pg_lane lane);
