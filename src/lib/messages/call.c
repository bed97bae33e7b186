/* call.c: see call.h. */
#include "lib/messages/call.h"

#include <stdlib.h>

enum { TRIES_IN_A_DEADLINE = 4 };

const struct error STOPPING = {ERROR_UNAVAILABLE, "the server is stopping"};

static void on_pause_over(struct deadline *deadline);

struct call *call_new(struct message_store *base, struct message_caller caller, message_done done,
                      void *argument) {
  struct dynamodb_store *store = (struct dynamodb_store *)base;
  struct call *call = calloc(1, sizeof(*call));
  if (!call) {
    message_store_answer_no_memory(done, argument);
    return NULL;
  }
  *call = (struct call){
      .store = store, .done = done, .argument = argument, .caller_id = caller, .row_us = INT64_MIN};
  call->session =
      (struct table_session){.loop = store->loop,
                             .client = store->client,
                             .table = store->table,
                             .trace = caller.trace,
                             .due_ms = loop_now_ms(store->loop) + store->deadline_ms,
                             .try_timeout_ms = store->deadline_ms / TRIES_IN_A_DEADLINE};
  deadline_init(&call->pause, on_pause_over);
  list_init(&call->paused_node);
  return call;
}

void call_finish(struct call *call, const struct message_answer *answer) {
  call->done(answer, call->argument);
  if (answer->body) buffer_free(answer->body);
  person_free(&call->caller);
  person_free(&call->other);
  call_free_entries(call);
  free(call);
}

void call_finish_as(struct call *call, enum message_outcome outcome) {
  call_finish(call, &(struct message_answer){.outcome = outcome});
}

/* What another day may be well (the network, a limit, a table or a permission that is missing) is
 * unavailable; what DynamoDB calls a bad request is a defect. */
void call_fail(struct call *call, const struct error *error) {
  bool defect = error->kind == ERROR_INVALID || error->kind == ERROR_INTERNAL;
  call_finish(call,
              &(struct message_answer){.outcome = defect ? MESSAGES_FAILED : MESSAGES_UNAVAILABLE,
                                       .error = error});
}

void call_fail_memory(struct call *call) {
  struct error error = {0};
  error_set(&error, ERROR_MEMORY, "out of memory for a call of the message store");
  call_fail(call, &error);
}

/* --- The caller, from Postgres --- */

bool call_outcome_is_done(struct call *call, enum pg_outcome outcome, const struct error *error) {
  if (outcome == PG_DONE) return true;
  call_finish(call,
              &(struct message_answer){.outcome = outcome == PG_UNAVAILABLE ? MESSAGES_UNAVAILABLE
                                                                            : MESSAGES_FAILED,
                                       .error = error});
  return false;
}

bool call_keep_person(struct person *person, const struct pg_result *result) {
  char id[TABLE_ID_SIZE];
  struct uuid uuid = pg_result_uuid(result, 0, "uuid");
  table_format_id(&uuid, id);
  return person_set(person, id, pg_result_text(result, 0, "display_name"),
                    pg_result_text(result, 0, "handle"));
}

static void on_caller(enum pg_outcome outcome, const struct pg_result *const *results,
                      const struct error *error, void *argument) {
  struct call *call = argument;
  if (!call_outcome_is_done(call, outcome, error)) return;
  if (pg_result_rows(results[0]) == 0)
    call_finish_as(call, MESSAGES_NO_CALLER);
  else if (!call_keep_person(&call->caller, results[0]))
    call_fail_memory(call);
  else
    call->found(call);
}

void call_find_caller(struct call *call, void (*then)(struct call *call)) {
  call->found = then;
  struct pg_batch *batch = pg_batch_new(call->store->pool);
  pg_batch_trace(batch, call->caller_id.trace);
  pg_batch_add(batch, PG_USERS_BY_SUB);
  pg_bind_text(batch, call->caller_id.sub);
  pg_batch_submit(batch, on_caller, call);
}

/* --- The caller's row of a group --- */

bool call_take_group_row(struct call *call, const json_t *item, int64_t at_us) {
  struct str group = dynamodb_item_string(item, "message_group_uuid");
  struct str other = dynamodb_item_string(item, "user_uuid");
  struct uuid uuid;
  if (!group.data || !uuid_parse(group, &uuid) || !other.data) return false;
  table_format_id(&uuid, call->group_id);
  if (!uuid_parse(other, &uuid)) return false;
  char id[TABLE_ID_SIZE];
  table_format_id(&uuid, id);
  call->row_us = at_us;
  return person_set(&call->other, id, dynamodb_item_string(item, "user_display_name"),
                    dynamodb_item_string(item, "user_handle"));
}

bool call_has_any(const json_t *items, void *argument) {
  (void)argument;
  return json_array_size(items) > 0;
}

static void look_for_group(struct call *call);

static void on_pause_over(struct deadline *deadline) {
  struct call *call = LIST_ENTRY(deadline, struct call, pause);
  list_remove(&call->paused_node);
  look_for_group(call);
}

/* The account's stream Lambda deletes a row before it puts it anew: who finds none looks again. */
static void on_group_row(json_t *items, const struct error *error, void *argument) {
  struct call *call = argument;
  int64_t at_us = 0;
  if (error) {
    call_fail(call, error);
    return;
  }
  const json_t *row = group_row_newest(items, &at_us);
  if (row && call_take_group_row(call, row, at_us)) {
    call->found(call);
  } else if (call->looked_before) {
    call_finish_as(call, MESSAGES_NO_GROUP);
  } else if (call->store->closing) {
    call_fail(call, &STOPPING);
  } else {
    call->looked_before = true;
    list_append(&call->store->paused, &call->paused_node);
    deadline_start(&call->store->pauses, &call->pause);
  }
}

static void look_for_group(struct call *call) {
  json_t *input = table_query_input("GRP", call->caller.id);
  if (input) table_query_filter(input, "message_group_uuid", call->group_id);
  table_query(&call->session, input, ROWS_LIKELY, call_has_any, on_group_row, call);
}

void call_find_group(struct call *call, void (*found)(struct call *call)) {
  call->found = found;
  look_for_group(call);
}

/* --- Both rows of a group --- */

static void on_moved(const struct error *error, void *argument);

static void move_row(struct call *call, const struct person *member, const struct person *other) {
  struct group_row row = {.group_id = call->group_id,
                          .member_id = member->id,
                          .other = other,
                          .at_us = call->at_us,
                          .message = call->message};
  group_row_move(&call->session, &row, on_moved, call);
}

static void on_moved(const struct error *error, void *argument) {
  struct call *call = argument;
  call->moves_left--;
  if (error && !call->move_failed) {
    call->move_failed = true;
    call->move_error = *error;
  }
  if (call->one_by_one && call->moves_left == 1 && !call->move_failed) {
    move_row(call, &call->caller, &call->other);
    return;
  }
  if (call->moves_left == 0 || call->one_by_one)
    call->moved(call, call->move_failed ? &call->move_error : NULL);
}

void call_move_rows(struct call *call, int64_t at_us, struct str message, bool one_by_one,
                    void (*moved)(struct call *call, const struct error *error)) {
  call->at_us = at_us;
  call->message = message;
  call->moved = moved;
  call->one_by_one = one_by_one;
  call->moves_left = 2;
  move_row(call, &call->other, &call->caller);
  if (!one_by_one) move_row(call, &call->caller, &call->other);
}
