/* table_call.h: one ask of the DynamoDB store from its beginning to its answer: what reading
 * (table_read.c), writing (table_write.c) and keys (claim.c) have in common. */
#pragma once

#include "lib/messages/dynamodb/entries.h"
#include "lib/messages/dynamodb/table.h"
#include "lib/messages/message_store.h"

struct dynamodb_store {
  struct message_store base;
  struct loop *loop;
  struct pg_pool *pool;
  struct aws_client *client;
  const char *table;
  unsigned deadline_ms;
  struct deadline_queue pauses; /* of calls that look for a group a second time */
  struct list paused;           /* these calls */
  struct list repairs;          /* of rows, after the answer; see row_repair.h */
  bool closing;
};

struct table_call;

/* A step of a call: it starts the next request, or ends the call. */
typedef void (*table_call_step)(struct table_call *call);

struct table_call {
  struct dynamodb_store *store;
  struct table_session session;
  struct message_ask ask;
  message_done done;
  void *argument;

  struct person caller, other;  /* `other`: the other member of the group */
  char group_id[TABLE_ID_SIZE]; /* empty: not yet known */
  int64_t row_us;               /* time of the group's newest row; INT64_MIN: none was seen */

  /* Looking for the caller, their key and their group. */
  table_call_step found;
  table_call_step fixed; /* once the key has said which message it is */
  bool looked_before;
  struct deadline pause;
  struct list paused_node;

  /* Reading. */
  json_t *items; /* owned; the entries borrow from it */
  struct entries entries;
  bool more;
  struct buffer name_ids;

  /* The message that is written, or the newest one that was read. */
  char message_id[TABLE_ID_SIZE];
  int64_t at_us;
  struct str text;
  unsigned slots; /* microseconds that other messages of the group had taken */

  /* Moving both members' rows to that message. */
  unsigned moves_left;
  bool one_by_one;
  struct error move_error; /* the first; kind ERROR_NONE: none yet */
  void (*moved)(struct table_call *call, const struct error *error);
};

/* A call for `ask`, which is copied. NULL when memory is out; `done` was called then. */
struct table_call *table_call_new(struct dynamodb_store *store, const struct message_ask *ask,
                                  message_done done, void *argument);

/* Each of these ends the call: it calls `done` and frees. */
void table_call_finish(struct table_call *call, const struct message_answer *answer);
void table_call_finish_as(struct table_call *call, enum message_outcome outcome);
void table_call_fail(struct table_call *call, const struct error *error);
void table_call_fail_no_memory(struct table_call *call);
void table_call_fail_stopping(struct table_call *call);

/* Ends the call, and returns true, when Postgres did not do its batch. */
bool table_call_end_if_undone(struct table_call *call, enum pg_outcome outcome,
                              const struct error *error);

/* Takes the caller from the first row, whose columns begin with those of db/sql/users/by_sub.sql.
 * Ends the call, and returns true, when there is no row or memory is out. */
bool table_call_end_if_unknown(struct table_call *call, const struct pg_result *caller);

/* Sets `person` from the first row of such a result; false when memory is out. */
bool table_call_keep_person(struct person *person, const struct pg_result *result);

/* Finds the caller by their sub, then goes on with `then`. */
void table_call_find_caller(struct table_call *call, table_call_step then);

/* Finds the caller's row of the group that was asked for: it makes them a member, and names the
 * other one. Then goes on with `then`. */
void table_call_find_group(struct table_call *call, table_call_step then);

/* For table_query(): enough are found when there is one row; ROWS_LIKELY are read at first. */
enum { ROWS_LIKELY = 100 };
bool table_call_has_any(const json_t *items, void *argument);

/* Moves the rows of both members to `at_us` and `text`, then calls `moved` with the first error or
 * NULL. `one_by_one`: the other member's first, so that a sender who sees a new group knows that
 * the recipient sees it too. */
void table_call_move_rows(struct table_call *call, int64_t at_us, struct str text, bool one_by_one,
                          void (*moved)(struct table_call *call, const struct error *error));
