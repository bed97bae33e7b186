/* write_queue.h: which waiting writes leave together (group commit). Inside the room; it knows only
 * batches, no connections.
 *
 * Writes that leave together are one transaction, so one flush of the log serves them all. What may
 * share a transaction depends on the rows that each write locks:
 *   - a write that locks no row that others lock goes with any;
 *   - writes that lock one known row each go together in the order of these rows, so that two
 *     transactions never wait for each other in a circle;
 *   - a write that locks what only its statement knows goes beside writes of the first kind alone,
 *     and at most one of them.
 * When a transaction fails, the write whose statement failed runs alone afterwards, and the others
 * form groups again; one that was in two failed groups runs alone too. A write that runs alone, or
 * waits elsewhere for a lock, is a *suspect*: writes with its lock key wait behind it. */
#pragma once

#include "lib/pg/batch_inside.h"

struct write_queue {
  struct list waiting;  /* oldest first */
  struct list alone;    /* each is to be a transaction of its own */
  struct list behind;   /* each has the lock key of a suspect */
  struct list suspects; /* by suspect_node; sent or not */
  bool last_was_alone;  /* the two kinds take turns */
};

void write_queue_init(struct write_queue *queue);

/* Takes a write that is new. */
void write_queue_add(struct write_queue *queue, struct pg_batch *batch);

/* Makes a write a suspect, until write_queue_forget(): it waits for a lock elsewhere. */
void write_queue_suspect(struct write_queue *queue, struct pg_batch *batch);

/* Takes a write back whose transaction failed; with `culprit` its own statement is why. */
void write_queue_return(struct write_queue *queue, struct pg_batch *batch, bool culprit);

/* True when these writes may be one transaction: at most `limit` of them, known rows in their
 * order, at most one write with unknown rows and then none with a known row, and nothing beside one
 * that runs alone. */
bool write_queue_is_group(const struct pg_batch *const *batches, unsigned count, unsigned limit);

/* Hands over the writes that leave next, at most `limit`, in the order in which they are to be
 * sent. Returns how many; 0: none may leave now. */
unsigned write_queue_take(struct write_queue *queue, struct pg_batch **group, unsigned limit);

/* To be called when a write is over: those that waited behind it come first now. */
void write_queue_forget(struct write_queue *queue, struct pg_batch *batch);

/* Any write that has not left, taken off; NULL when there is none. */
struct pg_batch *write_queue_pop(struct write_queue *queue);
