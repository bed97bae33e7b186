/* table_write.c: sending a message through the DynamoDB store.
 *
 * Steps: the group is found (1), the message put (2), both members' rows moved to it, and then the
 * answer given (3). The message's key and id are fixed before the first try, and it is put on the
 * condition that the key is free, so that repeating the request does not write it twice. An
 * acknowledged message is there for both members; one that was not acknowledged may be there, but
 * only once. With an Idempotency-Key (claim.c) the next call with the key sends the same message.
 */
#include "lib/messages/dynamodb/table_write.h"

#include "lib/base/json_writer.h"
#include "lib/messages/dynamodb/claim.h"
#include "lib/messages/dynamodb/group_id.h"
#include "lib/messages/dynamodb/group_row.h"

#include <assert.h>

enum { SLOTS_LIMIT = 64 }; /* microseconds to try when other messages of the group have theirs */

/* Before the end of the year 9999: a message that cannot have a later time than the group's newest
 * gets the clock's. */
static const int64_t LAST_SECOND_US = 1000000;

/* --- 3. The answer --- */

static void on_rows_moved(struct table_call *call, const struct error *error) {
  if (error) {
    table_call_fail(call, error);
    return;
  }
  char time[CLOCK_RFC3339_SIZE];
  clock_format_rfc3339(call->at_us, time);
  struct buffer body = BUFFER_EMPTY;
  buffer_append_char(&body, '{');
  json_writer_append_member(&body, "message_group_uuid", str_from(call->group_id));
  if (call->ask.kind == MESSAGES_SEND_TO_GROUP) {
    json_writer_append_member(&body, "uuid", str_from(call->message_id));
    json_writer_append_member(&body, "display_name", str_from(call->caller.display_name));
    json_writer_append_member(&body, "handle", str_from(call->caller.handle));
    json_writer_append_member(&body, "message", call->text);
    json_writer_append_member(&body, "created_at", str_from(time));
  }
  buffer_append_char(&body, '}');
  table_call_finish(call, &(struct message_answer){.outcome = MESSAGES_DONE, .body = &body});
}

/* --- 2. The message --- */

static void put_message(struct table_call *call);

static void move_rows(struct table_call *call) {
  bool to_user = call->ask.kind == MESSAGES_SEND_TO_USER;
  table_call_move_rows(call, call->at_us, call->text, to_user, on_rows_moved);
}

/* The key is taken: by this message, when an earlier try was done after all, or by another one of
 * the same microsecond. */
static void on_holder(const struct dynamodb_answer *answer, void *argument) {
  struct table_call *call = argument;
  if (answer->error) {
    table_call_fail(call, answer->error);
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
  struct table_call *call = argument;
  if (!answer->error) {
    move_rows(call);
  } else if (answer->error->kind == ERROR_CONFLICT && ++call->slots <= SLOTS_LIMIT) {
    char sk[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(call->at_us, sk);
    table_request(&call->session, "GetItem", table_get_input("MSG", call->group_id, str_from(sk)),
                  on_holder, call);
  } else {
    table_call_fail(call, answer->error);
  }
}

static void put_message(struct table_call *call) {
  assert(call->group_id[0] && call->message_id[0] && call->other.id[0]);
  char sk[CLOCK_RFC3339_SIZE];
  clock_format_rfc3339(call->at_us, sk);
  table_request(&call->session, "PutItem",
                table_put_message_input(call->group_id, &call->caller, call->message_id,
                                        str_from(sk), call->text),
                on_message_put, call);
}

/* Gives the message a time later than the group's newest one, so that messages are listed in the
 * order in which they were taken, also when another server's clock was ahead, however far. */
static void write_message(struct table_call *call) {
  struct uuid uuid = uuid_random();
  table_format_id(&uuid, call->message_id);
  call->at_us = clock_unix_us();
  if (call->row_us >= call->at_us && clock_is_shown(call->row_us + LAST_SECOND_US))
    call->at_us = call->row_us + 1;
  if (message_ask_has_key(&call->ask))
    claim_make(call, put_message);
  else
    put_message(call);
}

/* --- 1. The group: of a message to a group --- */

static void find_group_to_write(struct table_call *call) {
  table_call_find_group(call, write_message);
}

void table_write_to_group(struct table_call *call) {
  if (message_ask_has_key(&call->ask))
    claim_find(call, find_group_to_write, put_message);
  else
    table_call_find_caller(call, find_group_to_write);
}

/* --- 1. The group: of a message to a user --- */

static bool derive_group(struct table_call *call) {
  struct uuid caller, other, group;
  if (!uuid_parse(str_from(call->caller.id), &caller) ||
      !uuid_parse(str_from(call->other.id), &other) || !group_id_derive(&caller, &other, &group))
    return false;
  table_format_id(&group, call->group_id);
  return true;
}

/* Takes the group of the newest row that names both; false when there is none. Whose row it is does
 * not matter: `other` is known already, from Postgres. */
static bool take_shared_group(struct table_call *call, const json_t *items) {
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
  struct table_call *call = argument;
  struct error failure = {0};
  if (error) {
    table_call_fail(call, error);
  } else if (take_shared_group(call, items) || derive_group(call)) {
    write_message(call);
  } else {
    error_set(&failure, ERROR_INTERNAL, "the uuid of a group could not be made");
    table_call_fail(call, &failure);
  }
}

static void query_shared(struct table_call *call, const char *member_id, const char *other_id,
                         table_query_done done) {
  json_t *input = table_query_input("GRP", member_id);
  if (input) table_query_filter(input, "user_uuid", other_id);
  table_query(&call->session, input, ROWS_LIKELY, table_call_has_any, done, call);
}

/* The other member may have a row where the caller has lost theirs. */
static void on_rows_of_caller(json_t *items, const struct error *error, void *argument) {
  struct table_call *call = argument;
  if (error)
    table_call_fail(call, error);
  else if (take_shared_group(call, items))
    write_message(call);
  else
    query_shared(call, call->other.id, call->caller.id, on_rows_of_other);
}

static void on_both_users(enum pg_outcome outcome, const struct pg_result *const *results,
                          const struct error *error, void *argument) {
  struct table_call *call = argument;
  if (table_call_end_if_undone(call, outcome, error) || table_call_end_if_unknown(call, results[0]))
    return;
  if (message_ask_has_key(&call->ask) && claim_take(call, results[0], put_message)) return;
  if (pg_result_rows(results[1]) == 0)
    table_call_finish_as(call, MESSAGES_NO_RECIPIENT);
  else if (!table_call_keep_person(&call->other, results[1]))
    table_call_fail_no_memory(call);
  else if (strcmp(call->caller.id, call->other.id) == 0)
    table_call_finish_as(call, MESSAGES_SELF);
  else
    query_shared(call, call->caller.id, call->other.id, on_rows_of_caller);
}

void table_write_to_user(struct table_call *call) {
  struct pg_batch *batch = pg_pool_new_batch(call->store->pool);
  pg_batch_trace(batch, call->ask.caller.trace);
  pg_batch_time(batch, call->ask.caller.timing);
  if (message_ask_has_key(&call->ask)) {
    claim_add_find(call, batch);
  } else {
    pg_batch_add(batch, PG_USERS_BY_SUB);
    pg_batch_bind_text(batch, call->ask.caller.sub);
  }
  pg_batch_add(batch, PG_USERS_SHORT);
  pg_batch_bind_text(batch, call->ask.handle);
  pg_pool_submit(batch, on_both_users, call);
}
