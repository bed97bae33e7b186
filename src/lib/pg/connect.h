/* connect.h: opening a connection to Postgres: what CONNECTION_URL says and what the server's
 * sessions need on top of it. Inside the room. */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>

/* Connects and blocks until that succeeded or failed: for a worker thread, because libpq resolves
 * names and reads files meanwhile. The caller's connection, to be looked at with PQstatus(); NULL
 * when memory is out. */
PGconn *connect_blocking(const char *connection_url);

/* The statement that makes the settings of a session: its time zone, isolation level and time-outs.
 * They go by a statement, not by the startup packet's `options`: PgBouncer refuses those, or drops
 * them without a word. Queues it in libpq, which is in pipeline mode. */
bool connect_send_settings(PGconn *conn, const char *statement_timeout, const char *lock_timeout);

/* True when the server said that it takes no writes: a standby, or read-only by default. */
bool connect_is_read_only(const PGconn *conn);
