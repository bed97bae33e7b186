/* write.c: sending a message through the DynamoDB store.
 *
 * The message is put first, under a key and with an id that are fixed before the first try and on
 * the condition that the key is free, so that no repetition writes it twice. Then the rows of both
 * members move to it. Only then is it acknowledged: what was acknowledged is there for both; what
 * was not may be there, once. With an Idempotency-Key (once.c) it is fixed which message it is,
 * also for the next call with the key. */
#include "lib/base/json_writer.h"
#include "lib/messages/call.h"
#include "lib/messages/group_id.h"

enum { SLOTS_LIMIT = 64 }; /* microseconds to try when other messages of the group have theirs */

/* How far a group's newest message may be ahead of the clock for the next one to be put after it.
 */
static const int64_t AHEAD_LIMIT_US = 24LL * 3600 * 1000000;

/* --- 3. The answer --- */

static void append_member(struct buffer *body, const char *key, const char *text) {
  buffer_append_text(body, key);
  json_append_string(body, str_from(text));
}

static void on_rows_moved(struct call *call, const struct error *error) {
  if (error) {
    call_fail(call, error);
    return;
  }
  char time[CLOCK_RFC3339_SIZE];
  clock_format_rfc3339(call->at_us, time);
  struct buffer body = BUFFER_EMPTY;
  append_member(&body, "{\"message_group_uuid\":", call->group_id);
  if (!call->to_user) {
    append_member(&body, ",\"uuid\":", call->message_id);
    append_member(&body, ",\"display_name\":", call->caller.display_name);
    append_member(&body, ",\"handle\":", call->caller.handle);
    buffer_append_text(&body, ",\"message\":");
    json_append_string(&body, call->message);
    append_member(&body, ",\"created_at\":", time);
  }
  buffer_append_char(&body, '}');
  call_finish(call, &(struct message_answer){.outcome = MESSAGES_DONE, .body = &body});
}

/* --- 2. The message --- */

static void put_message(struct call *call);

static void move_rows(struct call *call) {
  call_move_rows(call, call->at_us, call->message, call->to_user, on_rows_moved);
}

/* The key is taken: by this message, when an earlier try was done after all, or by another one of
 * the same microsecond. */
static void on_holder(const struct dynamodb_answer *answer, void *argument) {
  struct call *call = argument;
  if (answer->error) {
    call_fail(call, answer->error);
    return;
  }
  struct str holder = dynamodb_item_string(json_object_get(answer->body, "Item"), "message_uuid");
  if (str_equal(holder, str_from(call->message_id))) {
    move_rows(call);
  } else {
    call->at_us++;
    put_message(call);
  }
}

static void on_message_put(const struct dynamodb_answer *answer, void *argument) {
  struct call *call = argument;
  if (!answer->error) {
    move_rows(call);
  } else if (answer->error->kind == ERROR_CONFLICT && ++call->slots <= SLOTS_LIMIT) {
    char sk[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(call->at_us, sk);
    table_request(&call->session, "GetItem", table_get_input("MSG", call->group_id, str_from(sk)),
                  on_holder, call);
  } else {
    call_fail(call, answer->error);
  }
}

static void put_message(struct call *call) {
  char sk[CLOCK_RFC3339_SIZE];
  clock_format_rfc3339(call->at_us, sk);
  table_request(&call->session, "PutItem",
                table_put_message_input(call->group_id, &call->caller, call->message_id,
                                        str_from(sk), call->message),
                on_message_put, call);
}

/* Later than the group's newest message, so that messages are listed in the order in which they
 * were taken, also when another server's clock is ahead. */
static void write_message(struct call *call) {
  struct uuid uuid = uuid_random();
  table_format_id(&uuid, call->message_id);
  call->at_us = clock_unix_us();
  if (call->row_us >= call->at_us && call->row_us - call->at_us < AHEAD_LIMIT_US)
    call->at_us = call->row_us + 1;
  if (call_has_key(call))
    call_claim_key(call, put_message);
  else
    put_message(call);
}

/* --- 1. The group: of a message to a group --- */

static void find_group_to_write(struct call *call) {
  call_find_group(call, write_message);
}

void call_send_message(struct call *call) {
  if (call_has_key(call))
    call_find_key(call, find_group_to_write, put_message);
  else
    call_find_caller(call, find_group_to_write);
}

/* --- 1. The group: of a message to a user --- */

static bool derive_group(struct call *call) {
  struct uuid caller, other, group;
  if (!uuid_parse(str_from(call->caller.id), &caller) ||
      !uuid_parse(str_from(call->other.id), &other) || !group_id_derive(&caller, &other, &group))
    return false;
  table_format_id(&group, call->group_id);
  return true;
}

/* Takes the group of the newest row that names both; false when there is none. Whose row it is does
 * not matter: `other` is known already, from Postgres. */
static bool take_shared_group(struct call *call, const json_t *items) {
  int64_t at_us = 0;
  const json_t *row = group_row_newest(items, &at_us);
  struct str group = dynamodb_item_string(row, "message_group_uuid");
  struct uuid uuid;
  if (!row || !group.data || !uuid_parse(group, &uuid)) return false;
  table_format_id(&uuid, call->group_id);
  call->row_us = at_us;
  return true;
}

static void on_rows_of_other(json_t *items, const struct error *error, void *argument) {
  struct call *call = argument;
  struct error failure = {0};
  if (error) {
    call_fail(call, error);
  } else if (take_shared_group(call, items) || derive_group(call)) {
    write_message(call);
  } else {
    error_set(&failure, ERROR_INTERNAL, "the uuid of a group could not be made");
    call_fail(call, &failure);
  }
}

static void query_shared(struct call *call, const char *member_id, const char *other_id,
                         table_query_done done) {
  json_t *input = table_query_input("GRP", member_id);
  if (input) table_query_filter(input, "user_uuid", other_id);
  table_query(&call->session, input, ROWS_LIKELY, call_has_any, done, call);
}

/* The other member may have a row where the caller has lost theirs. */
static void on_rows_of_caller(json_t *items, const struct error *error, void *argument) {
  struct call *call = argument;
  if (error)
    call_fail(call, error);
  else if (take_shared_group(call, items))
    write_message(call);
  else
    query_shared(call, call->other.id, call->caller.id, on_rows_of_other);
}

static void on_both_users(enum pg_outcome outcome, const struct pg_result *const *results,
                          const struct error *error, void *argument) {
  struct call *call = argument;
  if (!call_outcome_is_done(call, outcome, error)) return;
  if (pg_result_rows(results[0]) == 0)
    call_finish_as(call, MESSAGES_NO_CALLER);
  else if (!call_keep_person(&call->caller, results[0]))
    call_fail_memory(call);
  else if (call_has_key(call) && call_take_key(call, results[0], put_message))
    return;
  else if (pg_result_rows(results[1]) == 0)
    call_finish_as(call, MESSAGES_NO_RECIPIENT);
  else if (!call_keep_person(&call->other, results[1]))
    call_fail_memory(call);
  else if (strcmp(call->caller.id, call->other.id) == 0)
    call_finish_as(call, MESSAGES_SELF);
  else
    query_shared(call, call->caller.id, call->other.id, on_rows_of_caller);
}

void call_start_group(struct call *call) {
  call->to_user = true;
  struct pg_batch *batch = pg_batch_new(call->store->pool);
  pg_batch_trace(batch, call->caller_id.trace);
  if (call_has_key(call)) {
    call_add_find_key(call, batch);
  } else {
    pg_batch_add(batch, PG_USERS_BY_SUB);
    pg_bind_text(batch, call->caller_id.sub);
  }
  pg_batch_add(batch, PG_USERS_SHORT);
  pg_bind_text(batch, call->handle);
  pg_batch_submit(batch, on_both_users, call);
}
