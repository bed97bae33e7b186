/* canceller.h: cancelling statements, in a thread of its own: libpq 15's PQcancel() blocks, knows
 * no time-out for its connection, and would hold one of libuv's four workers. Inside the room.
 *
 * A canceller belongs to one pool. Its thread starts with the first request. When the pool closes
 * the thread may be stuck in the network: it then keeps what it needs and is left behind. */
#pragma once

#include "lib/loop/loop.h"

#include <libpq-fe.h>

struct pg_canceller;

/* A statement that is to be cancelled, of one connection; embedded by it. */
struct pg_cancel {
  /* Called on the loop when PQcancel() has returned, whether or not it reached the server. */
  void (*returned)(struct pg_cancel *cancel);
  struct cancel_job *job; /* on its way; NULL: none */
};

/* NULL when memory is out. */
struct pg_canceller *canceller_new(struct loop *loop);

/* Cancels what `conn` is running. Returns false, and calls nothing, when memory or threads are out.
 * `cancel->job` must be NULL. */
bool canceller_ask(struct pg_canceller *canceller, struct pg_cancel *cancel, PGconn *conn);

/* Forgets a request: `returned` is not called any more. Harmless when there is none. */
void canceller_forget(struct pg_canceller *canceller, struct pg_cancel *cancel);

/* Ends the thread, or leaves it behind where it is stuck. Every request was forgotten. Takes NULL.
 */
void canceller_close(struct pg_canceller *canceller);
