/* table_call.c: one ask of the DynamoDB store from its beginning to its answer.
 *
 * A call runs on the thread of its store's loop, as a chain of steps: each starts one request to
 * Postgres or DynamoDB (moving rows: two), whose answer leads to the next step or to the end. It
 * owns what it has found, and is freed when it ends, which is when `done` is called. A call that
 * waits neither for Postgres nor for DynamoDB is in the store's list `paused`, so that the store
 * can end it when it closes; the others end when the pool and the AWS client close. */
#include "lib/messages/dynamodb/table_call.h"

#include "lib/messages/dynamodb/group_row.h"

#include <assert.h>
#include <stdlib.h>

enum { TRIES_IN_A_DEADLINE = 4 };

static void on_pause_over(struct deadline *deadline);

struct table_call *table_call_new(struct dynamodb_store *store, const struct message_ask *ask,
                                  message_done done, void *argument) {
  struct table_call *call = calloc(1, sizeof(*call));
  if (!call) {
    message_store_answer_no_memory(done, argument);
    return NULL;
  }
  *call = (struct table_call){
      .store = store, .ask = *ask, .done = done, .argument = argument, .row_us = INT64_MIN};
  call->text = ask->text;
  call->session =
      (struct table_session){.loop = store->loop,
                             .client = store->client,
                             .table = store->table,
                             .trace = ask->caller.trace,
                             .due_ms = loop_now_ms(store->loop) + store->deadline_ms,
                             .try_timeout_ms = store->deadline_ms / TRIES_IN_A_DEADLINE};
  loop_deadline_init(&call->pause, on_pause_over);
  list_init(&call->paused_node);
  return call;
}

/* --- The end --- */

void table_call_finish(struct table_call *call, const struct message_answer *answer) {
  assert(list_empty(&call->paused_node) && !loop_deadline_is_running(&call->pause));
  assert(call->moves_left == 0 && "no move may come back to a call that was freed");
  call->done(answer, call->argument);
  if (answer->body) buffer_free(answer->body);
  person_free(&call->caller);
  person_free(&call->other);
  entries_free(&call->entries);
  json_decref(call->items);
  buffer_free(&call->name_ids);
  free(call);
}

void table_call_finish_as(struct table_call *call, enum message_outcome outcome) {
  table_call_finish(call, &(struct message_answer){.outcome = outcome});
}

/* Another day may change the network, a limit, a missing table or permission: then the store is
 * unavailable. A request that DynamoDB calls wrong is a defect. */
void table_call_fail(struct table_call *call, const struct error *error) {
  bool defect = error->kind == ERROR_INVALID || error->kind == ERROR_INTERNAL;
  table_call_finish(
      call, &(struct message_answer){.outcome = defect ? MESSAGES_FAILED : MESSAGES_UNAVAILABLE,
                                     .error = error});
}

void table_call_fail_no_memory(struct table_call *call) {
  static const struct error NO_MEMORY = {ERROR_MEMORY, "out of memory for direct messages"};
  table_call_fail(call, &NO_MEMORY);
}

void table_call_fail_stopping(struct table_call *call) {
  static const struct error STOPPING = {ERROR_UNAVAILABLE, "the server is stopping"};
  table_call_fail(call, &STOPPING);
}

bool table_call_end_if_undone(struct table_call *call, enum pg_outcome outcome,
                              const struct error *error) {
  if (outcome == PG_DONE) return false;
  table_call_finish(
      call, &(struct message_answer){.outcome = message_store_outcome(outcome), .error = error});
  return true;
}

/* --- The caller, from Postgres --- */

bool table_call_keep_person(struct person *person, const struct pg_result *result) {
  char id[TABLE_ID_SIZE];
  struct uuid uuid = pg_result_uuid(result, 0, "uuid");
  table_format_id(&uuid, id);
  return person_set(person, id, pg_result_text(result, 0, "display_name"),
                    pg_result_text(result, 0, "handle"));
}

bool table_call_end_if_unknown(struct table_call *call, const struct pg_result *caller) {
  if (pg_result_rows(caller) == 0)
    table_call_finish_as(call, MESSAGES_NO_CALLER);
  else if (!table_call_keep_person(&call->caller, caller))
    table_call_fail_no_memory(call);
  else
    return false;
  return true;
}

static void on_caller(enum pg_outcome outcome, const struct pg_result *const *results,
                      const struct error *error, void *argument) {
  struct table_call *call = argument;
  if (table_call_end_if_undone(call, outcome, error) || table_call_end_if_unknown(call, results[0]))
    return;
  call->found(call);
}

void table_call_find_caller(struct table_call *call, table_call_step then) {
  call->found = then;
  struct pg_batch *batch = pg_pool_new_batch(call->store->pool);
  pg_batch_trace(batch, call->ask.caller.trace);
  pg_batch_time(batch, call->ask.caller.timing);
  pg_batch_add(batch, PG_USERS_BY_SUB);
  pg_batch_bind_text(batch, call->ask.caller.sub);
  pg_pool_submit(batch, on_caller, call);
}

/* --- The caller's row of a group --- */

/* Takes group, other member and time from a row of the caller; false when it lacks one of them, or
 * memory is out. */
static bool take_group_row(struct table_call *call, const json_t *item, int64_t at_us) {
  struct str group = dynamodb_item_string(item, "message_group_uuid");
  struct str other = dynamodb_item_string(item, "user_uuid");
  struct uuid group_uuid, other_uuid;
  char other_id[TABLE_ID_SIZE];
  if (!group.data || !other.data || !uuid_parse(group, &group_uuid) ||
      !uuid_parse(other, &other_uuid))
    return false;
  table_format_id(&group_uuid, call->group_id);
  table_format_id(&other_uuid, other_id);
  call->row_us = at_us;
  return person_set(&call->other, other_id, dynamodb_item_string(item, "user_display_name"),
                    dynamodb_item_string(item, "user_handle"));
}

bool table_call_has_any(const json_t *items, void *argument) {
  (void)argument;
  int64_t at_us;
  return group_row_newest(items, &at_us) != NULL;
}

static void look_for_group(struct table_call *call);

static void on_pause_over(struct deadline *deadline) {
  struct table_call *call = LIST_ENTRY(deadline, struct table_call, pause);
  list_remove(&call->paused_node);
  look_for_group(call);
}

static void look_again_later(struct table_call *call) {
  call->looked_before = true;
  list_append(&call->store->paused, &call->paused_node);
  loop_deadline_start(&call->store->pauses, &call->pause);
}

/* The account's stream Lambda deletes a row before it puts it again, so a call that finds none
 * looks a second time. */
static void on_group_row(json_t *items, const struct error *error, void *argument) {
  struct table_call *call = argument;
  int64_t at_us = 0;
  if (error) {
    table_call_fail(call, error);
    return;
  }
  const json_t *row = group_row_newest(items, &at_us);
  if (row && take_group_row(call, row, at_us))
    call->found(call);
  else if (call->looked_before)
    table_call_finish_as(call, MESSAGES_NO_GROUP);
  else if (call->store->closing)
    table_call_fail_stopping(call);
  else
    look_again_later(call);
}

static void look_for_group(struct table_call *call) {
  json_t *input = table_query_input("GRP", call->caller.id);
  if (input) table_query_filter(input, "message_group_uuid", call->group_id);
  table_query(&call->session, input, ROWS_LIKELY, table_call_has_any, on_group_row, call);
}

void table_call_find_group(struct table_call *call, table_call_step then) {
  call->found = then;
  table_format_id(&call->ask.group, call->group_id);
  look_for_group(call);
}

/* --- Both rows of a group --- */

static void on_moved(const struct error *error, void *argument);

static void move_row(struct table_call *call, const struct person *member,
                     const struct person *other) {
  struct group_row row = {.group_id = call->group_id,
                          .member_id = member->id,
                          .other = other,
                          .at_us = call->at_us,
                          .message = call->text};
  group_row_move(&call->session, &row, on_moved, call);
}

static void on_moved(const struct error *error, void *argument) {
  struct table_call *call = argument;
  bool failed = call->move_error.kind != ERROR_NONE;
  assert(call->moves_left > 0);
  call->moves_left--;
  if (error && !failed) call->move_error = *error;
  if (call->one_by_one && error) call->moves_left = 0; /* the second move is not begun */
  if (call->one_by_one && call->moves_left == 1)
    move_row(call, &call->caller, &call->other);
  else if (call->moves_left == 0)
    call->moved(call, error || failed ? &call->move_error : NULL);
}

void table_call_move_rows(struct table_call *call, int64_t at_us, struct str text, bool one_by_one,
                          void (*moved)(struct table_call *call, const struct error *error)) {
  assert(call->moves_left == 0 && call->group_id[0]);
  call->at_us = at_us;
  call->text = text;
  call->moved = moved;
  call->one_by_one = one_by_one;
  call->moves_left = 2;
  move_row(call, &call->other, &call->caller);
  if (!one_by_one) move_row(call, &call->caller, &call->other);
}
