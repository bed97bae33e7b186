/* once.c: sending a message once through the DynamoDB store: the Idempotency-Key of a call.
 *
 * The key's row in Postgres fixes group, uuid and time of the message before the first item is put.
 * Whoever sends again with the key goes on from there: they put the same item, which is there or
 * not, and move the same rows. So it does not matter where the first one ended. */
#include "lib/messages/call.h"

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

bool call_take_key(struct call *call, const struct pg_result *row,
                   void (*fixed)(struct call *call)) {
  if (pg_result_is_null(row, 0, "message_uuid")) return false;
  if (!pg_result_is_null(row, 0, "_reused")) {
    call_finish_as(call, MESSAGES_KEY_REUSED);
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
    call_fail_memory(call);
  return true;
}

/* --- Looking for the key --- */

static void on_key(enum pg_outcome outcome, const struct pg_result *const *results,
                   const struct error *error, void *argument) {
  struct call *call = argument;
  if (!call_outcome_is_done(call, outcome, error)) return;
  if (pg_result_rows(results[0]) == 0)
    call_finish_as(call, MESSAGES_NO_CALLER);
  else if (!call_keep_person(&call->caller, results[0]))
    call_fail_memory(call);
  else if (!call_take_key(call, results[0], call->fixed))
    call->found(call);
}

void call_add_find_key(struct call *call, struct pg_batch *batch) {
  pg_batch_add(batch, PG_MESSAGES_FIND_ONCE);
  pg_bind_text(batch, call->caller_id.sub);
  pg_bind_text(batch, call->caller_id.key);
  pg_bind_text(batch, call->caller_id.request_hash);
}

void call_find_key(struct call *call, void (*unknown)(struct call *call),
                   void (*fixed)(struct call *call)) {
  call->found = unknown;
  call->fixed = fixed;
  struct pg_batch *batch = pg_batch_new(call->store->pool);
  pg_batch_trace(batch, call->caller_id.trace);
  call_add_find_key(call, batch);
  pg_batch_submit(batch, on_key, call);
}

/* --- Claiming it --- */

static void on_claimed(enum pg_outcome outcome, const struct pg_result *const *results,
                       const struct error *error, void *argument) {
  struct call *call = argument;
  if (!call_outcome_is_done(call, outcome, error)) return;
  bool taken = call_take_key(call, results[0], call->fixed);
  assert(taken && "a claim always has its message");
}

void call_claim_key(struct call *call, void (*fixed)(struct call *call)) {
  call->fixed = fixed;
  struct pg_batch *batch = pg_batch_new(call->store->pool);
  pg_batch_trace(batch, call->caller_id.trace);
  pg_batch_add(batch, PG_MESSAGES_CLAIM_ONCE);
  pg_bind_text(batch, str_from(call->caller.id));
  pg_bind_text(batch, call->caller_id.key);
  pg_bind_text(batch, call->caller_id.request_hash);
  pg_bind_text(batch, str_from(call->message_id));
  pg_bind_timestamp(batch, call->at_us);
  pg_bind_text(batch, str_from(call->group_id));
  pg_bind_text(batch, str_from(call->other.id));
  pg_bind_text(batch, str_from(call->caller.display_name));
  pg_bind_text(batch, str_from(call->caller.handle));
  pg_batch_lock_unknown(batch, call->caller_id.key);
  pg_batch_submit(batch, on_claimed, call);
}
