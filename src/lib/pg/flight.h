/* flight.h: what is in flight on one connection: the batches that were sent, in order, and what
 * became of each. Inside the room; it knows batches, and libpq's connection for its transaction
 * status alone.
 *
 * A pipelined flight (reads) ends a batch when its own results are there, so that a slow one delays
 * only those behind it. Any other holds one transaction at a time, whose batches end after its
 * sync, when the transaction has ended. */
#pragma once

#include "lib/pg/batch_inside.h"
#include "lib/pg/statement_times.h"

/* How a batch that was sent ended. */
enum pg_end {
  PG_END_ANSWERED, /* by Postgres: its results are there, or its failure is recorded */
  PG_END_UNDONE,   /* it surely did nothing and may be sent again; `failure` may say why */
  PG_END_LOST,     /* without an answer: a write may be done or not */
};

struct pg_flight {
  struct loop *loop;
  bool pipelined;
  unsigned deadline_ms; /* the server's own time-out of a statement */
  /* Tells that a batch is out of the flight. `reason` says why it is lost or undone; NULL where the
   * batch says so itself. */
  void (*ended)(struct pg_flight *flight, struct pg_batch *batch, enum pg_end end,
                const char *reason);
  struct statement_times *times; /* NULL: nobody wants to know */
  struct deadline_queue *heads;  /* how long the first batch may go without a result */
  struct deadline head_deadline;

  struct list batches;
  unsigned depth;
  unsigned of_statement[PG_STATEMENTS]; /* batches by their first statement */
  unsigned syncs;                       /* on their way */
  bool unsynced;                        /* statements were queued since the last sync */
  uint64_t head_since_ms;               /* when the first batch began, or had its last result */
  uint64_t answered_us;                 /* when the last result came, or the flight began */
  uint64_t transaction_since_ms;        /* when the transaction of the first batch began */
  bool uncertain;                       /* a commit was cancelled while it waited for a standby */
  bool refused_unread; /* the server ended an idle session: it read nothing of what was sent */
  bool demoted;        /* SQLSTATE 25006: the server takes no writes */
  bool unprepared;     /* plans no longer fit, or are gone */
};

/* Prepares an empty flight; the members above `batches` are the caller's to set first. */
void flight_init(struct pg_flight *flight);

/* Puts a batch at the end. Its statements are queued in libpq next, by the caller. */
void flight_add(struct pg_flight *flight, struct pg_batch *batch);

/* Ends every batch in the same way, and forgets what is on its way. */
void flight_end(struct pg_flight *flight, enum pg_end end, const char *reason);

/* The first batch; NULL when there is none. */
struct pg_batch *flight_head(const struct pg_flight *flight);

/* Milliseconds since the first batch began or had a result; 0 when there is none. */
uint64_t flight_head_ms(const struct pg_flight *flight);

/* True when nothing is on its way and nothing queued. */
bool flight_is_empty(const struct pg_flight *flight);

/* Takes a result that came, also that of a sync. Returns false when a transaction that must have
 * ended is still open: the connection is of no more use, and the batches of the transaction are
 * still in flight. */
bool flight_take_result(struct pg_flight *flight, PGconn *conn, PGresult *result);

/* Notes what a notice of the server says about a commit. */
void flight_take_notice(struct pg_flight *flight, const PGresult *notice);

/* True when no transaction is open. With a pooler that keeps it open after a sync, acknowledged
 * writes would be lost. */
bool flight_transaction_has_ended(PGconn *conn);
