/* claim.c: sending a message once through the DynamoDB store: the Idempotency-Key of a call.
 *
 * States of a key: unknown, claimed (its row fixes one message), reused (its row belongs to another
 * request, which ends the call). Postgres alone decides between them, in one statement, so that of
 * several calls with a key one claims it and the others are given its message. Nothing is kept in
 * this process. */
#include "lib/messages/dynamodb/claim.h"

#include <assert.h>

static bool take_person(struct person *person, const char *id, const struct pg_result *row,
                        const char *display_name, const char *handle) {
  return person_set(person, id, pg_result_text(row, 0, display_name),
                    pg_result_text(row, 0, handle));
}

static void take_id(const struct pg_result *row, const char *column, char id[TABLE_ID_SIZE]) {
  struct uuid uuid = pg_result_uuid(row, 0, column);
  table_format_id(&uuid, id);
}

bool claim_take(struct table_call *call, const struct pg_result *row, table_call_step fixed) {
  if (pg_result_is_null(row, 0, "message_uuid")) return false;
  if (!pg_result_is_null(row, 0, "_reused")) {
    table_call_finish_as(call, MESSAGES_KEY_REUSED);
    return true;
  }
  char caller_id[TABLE_ID_SIZE], other_id[TABLE_ID_SIZE];
  memcpy(caller_id, call->caller.id, sizeof(caller_id));
  take_id(row, "other_user_uuid", other_id);
  take_id(row, "message_group_uuid", call->group_id);
  take_id(row, "message_uuid", call->message_id);
  call->at_us = pg_result_timestamp(row, 0, "made_at");
  if (take_person(&call->caller, caller_id, row, "sender_display_name", "sender_handle") &&
      take_person(&call->other, other_id, row, "other_display_name", "other_handle"))
    fixed(call);
  else
    table_call_fail_no_memory(call);
  return true;
}

/* --- Looking for the key --- */

static void on_key(enum pg_outcome outcome, const struct pg_result *const *results,
                   const struct error *error, void *argument) {
  struct table_call *call = argument;
  if (table_call_end_if_undone(call, outcome, error) || table_call_end_if_unknown(call, results[0]))
    return;
  if (!claim_take(call, results[0], call->fixed)) call->found(call);
}

void claim_add_find(struct table_call *call, struct pg_batch *batch) {
  pg_batch_add(batch, PG_MESSAGES_FIND_ONCE);
  pg_batch_bind_text(batch, call->ask.caller.sub);
  pg_batch_bind_text(batch, call->ask.key.text);
  pg_batch_bind_text(batch, call->ask.key.request_hash);
}

void claim_find(struct table_call *call, table_call_step unknown, table_call_step fixed) {
  call->found = unknown;
  call->fixed = fixed;
  struct pg_batch *batch = pg_pool_new_batch(call->store->pool);
  pg_batch_trace(batch, call->ask.caller.trace);
  pg_batch_time(batch, call->ask.caller.timing);
  claim_add_find(call, batch);
  pg_pool_submit(batch, on_key, call);
}

/* --- Claiming it --- */

static void on_claimed(enum pg_outcome outcome, const struct pg_result *const *results,
                       const struct error *error, void *argument) {
  struct table_call *call = argument;
  if (table_call_end_if_undone(call, outcome, error)) return;
  bool taken = claim_take(call, results[0], call->fixed);
  assert(taken && "a claim always has its message");
}

void claim_make(struct table_call *call, table_call_step fixed) {
  call->fixed = fixed;
  struct pg_batch *batch = pg_pool_new_batch(call->store->pool);
  pg_batch_trace(batch, call->ask.caller.trace);
  pg_batch_time(batch, call->ask.caller.timing);
  pg_batch_add(batch, PG_MESSAGES_CLAIM_ONCE);
  pg_batch_bind_text(batch, str_from(call->caller.id));
  pg_batch_bind_text(batch, call->ask.key.text);
  pg_batch_bind_text(batch, call->ask.key.request_hash);
  pg_batch_bind_text(batch, str_from(call->message_id));
  pg_batch_bind_timestamp(batch, call->at_us);
  pg_batch_bind_text(batch, str_from(call->group_id));
  pg_batch_bind_text(batch, str_from(call->other.id));
  pg_batch_bind_text(batch, str_from(call->caller.display_name));
  pg_batch_bind_text(batch, str_from(call->caller.handle));
  pg_batch_lock_unknown(batch, call->ask.key.text);
  pg_pool_submit(batch, on_claimed, call);
}
