/* call.h: a call of the DynamoDB store from its beginning to its answer: what the flows of read.c
 * and write.c share. */
#pragma once

#include "lib/messages/move.h"
#include "lib/messages/store.h"
#include "lib/messages/table.h"
#include "lib/pg/pool.h"

/* What calls are told that the store's closing ends. */
extern const struct error STOPPING;

struct dynamodb_store {
  struct message_store base;
  struct loop *loop;
  struct pg_pool *pool;
  struct aws_client *client;
  const char *table;
  unsigned deadline_ms;
  struct deadline_queue pauses; /* of calls that look again */
  struct list paused;
  bool closing;
};

struct call {
  struct dynamodb_store *store;
  struct table_session session;
  message_done done;
  void *argument;

  /* What was asked; borrowed. */
  struct message_caller caller_id;
  struct str handle, message;
  const struct message_page *page;

  struct person caller, other; /* `other` as the group's row has it */
  char group_id[TABLE_ID_SIZE];
  int64_t row_us; /* time of the newest row of the group; INT64_MIN: there is none */
  void (*found)(struct call *call);
  void (*fixed)(struct call *call); /* once the key has said which message it is */
  bool looked_before;
  struct deadline pause;
  struct list paused_node;

  /* Reading. */
  json_t *items;
  struct entry *entries;
  size_t entry_count;
  bool more;
  struct buffer name_ids;

  /* Writing. */
  char message_id[TABLE_ID_SIZE];
  int64_t at_us;
  unsigned slots;
  bool to_user; /* a message to a user, not to a group */

  /* Moving both rows. */
  unsigned moves_left;
  bool one_by_one, move_failed;
  struct error move_error; /* the first */
  void (*moved)(struct call *call, const struct error *error);
};

/* NULL when memory is out; `done` was told then. */
struct call *call_new(struct message_store *base, struct message_caller caller, message_done done,
                      void *argument);

/* Each ends the call. */
void call_finish(struct call *call, const struct message_answer *answer);
void call_finish_as(struct call *call, enum message_outcome outcome);
void call_fail(struct call *call, const struct error *error);
void call_fail_memory(struct call *call);

/* True when Postgres did it; otherwise the call has ended. */
bool call_outcome_is_done(struct call *call, enum pg_outcome outcome, const struct error *error);

/* Keeps the user of the first row, which are the columns of db/sql/users/by_sub.sql. */
bool call_keep_person(struct person *person, const struct pg_result *result);

/* Finds the caller by their sub, then calls `then`. */
void call_find_caller(struct call *call, void (*then)(struct call *call));

/* Finds the caller's row of the group `group_id`, which makes them a member, and the other member
 * in it; then calls `found`. */
void call_find_group(struct call *call, void (*found)(struct call *call));

/* Takes group, other member and time from a row of the caller; false when it holds no such. */
bool call_take_group_row(struct call *call, const json_t *item, int64_t at_us);

/* For table_query(): one item is enough; ROWS_LIKELY are read at first. */
enum { ROWS_LIKELY = 100 };
bool call_has_any(const json_t *items, void *argument);

/* Moves the rows of both members to `at_us` and `message`, then calls `moved` with the first error
 * or NULL. `one_by_one`: the other member's first, so that a sender who sees a new group knows that
 * the recipient sees it too. */
void call_move_rows(struct call *call, int64_t at_us, struct str message, bool one_by_one,
                    void (*moved)(struct call *call, const struct error *error));

/* --- read.c --- */

void call_list_groups(struct call *call);
void call_list_messages(struct call *call);

/* Frees what reading allocated. */
void call_free_entries(struct call *call);

/* --- once.c --- */

static inline bool call_has_key(const struct call *call) {
  return call->caller_id.key.length > 0;
}

/* Finds the caller and what their key stands for: calls `fixed` when the message is fixed already,
 * `unknown` when nothing is known of the key. */
void call_find_key(struct call *call, void (*unknown)(struct call *call),
                   void (*fixed)(struct call *call));

/* Adds the statement for that to a batch; its row is for call_keep_person() and call_take_key(). */
void call_add_find_key(struct call *call, struct pg_batch *batch);

/* Fixes the message that the call is about to write, then calls `fixed`. Where another call with
 * the key was faster, that is the message of the other one, which is the same request. */
void call_claim_key(struct call *call, void (*fixed)(struct call *call));

/* False when the row says nothing of the key. Otherwise takes group, uuid, time, sender and other
 * member from it and calls `fixed`, or has ended the call. The caller must be known. */
bool call_take_key(struct call *call, const struct pg_result *row,
                   void (*fixed)(struct call *call));

/* --- write.c --- */

/* Sends the message to the group of the two that `call` knows. */
void call_start_group(struct call *call);
void call_send_message(struct call *call);
