/* pg_bench.h: a Postgres for tests of one connection: libpq connects to a socket of this process,
 * and the test writes what the server says. What libpq sends is not looked at. */
#pragma once

#include "unit.h"

#include "lib/pg/batch_inside.h"

struct pg_bench {
  char folder[32]; /* holds the socket */
  int listener, server;
  PGconn *conn; /* in pipeline mode */
};

/* Connects; fails the test when that does not work. */
void pg_bench_open(struct pg_bench *bench);
void pg_bench_close(struct pg_bench *bench);

/* Sends messages to libpq, one a letter of `script`, and lets it read them. Blanks are skipped.
 *
 *   1 ParseComplete     2 BindComplete     n NoData     C CommandComplete
 *   (2nC: a prepared statement that succeeded; 12nC: one that was not prepared)
 *   E12345 ErrorResponse with that SQLSTATE
 *   W12345 NoticeResponse with that SQLSTATE and, when `script` goes on with '@', the function
 *          SyncRepWaitForLSN
 *   I ReadyForQuery, idle     T ReadyForQuery, a transaction is open */
void pg_bench_say(struct pg_bench *bench, const char *script);
