/* postgres_store.c: messages in Postgres: each ask is one statement of db/sql/messages.
 *
 * A call lives from the ask until its statement has a result, on the thread of the store's loop. It
 * owns its copy of the ask; the batch borrows text and uuids from that copy. The pool answers every
 * batch exactly once, also when it closes, and so every call ends without help of the store. */
#include "lib/messages/message_store.h"
#include "lib/pg/pg_time.h"

#include <assert.h>
#include <stdlib.h>

enum { STATEMENTS_LIMIT = 3 }; /* of one call: see run_again() */

struct postgres_store {
  struct message_store base;
  struct pg_pool *pool;
};

struct postgres_call {
  struct pg_pool *pool;
  struct message_ask ask;
  message_done done;
  void *argument;
  unsigned statements; /* submitted so far */
};

/* Greater than every row of one moment. */
static const struct uuid LAST_UUID = {
    {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}};

/* Ends the call. */
static void finish(struct postgres_call *call, const struct message_answer *answer) {
  call->done(answer, call->argument);
  if (answer->body) buffer_free(answer->body);
  free(call);
}

static void finish_as(struct postgres_call *call, enum message_outcome outcome) {
  finish(call, &(struct message_answer){.outcome = outcome});
}

static void fail(struct postgres_call *call, enum message_outcome outcome,
                 const struct error *error) {
  finish(call, &(struct message_answer){.outcome = outcome, .error = error});
}

/* --- The statement of an ask --- */

static enum pg_statement statement_of(const struct message_ask *ask) {
  bool has_key = message_ask_has_key(ask);
  switch (ask->kind) {
  case MESSAGES_LIST_GROUPS: return PG_MESSAGES_GROUPS;
  case MESSAGES_LIST: return PG_MESSAGES_LIST;
  case MESSAGES_SEND_TO_USER: return has_key ? PG_MESSAGES_START_ONCE : PG_MESSAGES_START;
  case MESSAGES_SEND_TO_GROUP: return has_key ? PG_MESSAGES_SEND_ONCE : PG_MESSAGES_SEND;
  case MESSAGES_ASK_KINDS: break;
  }
  abort();
}

static void bind_page(struct pg_batch *batch, const struct message_page *page) {
  pg_batch_bind_timestamp(batch, page->has_before ? page->before.created_at_us : PG_TIME_INFINITY);
  pg_batch_bind_uuid(batch, page->has_before ? &page->before.uuid : &LAST_UUID);
  pg_batch_bind_int(batch, page->limit + 1); /* one more, to know whether there are more */
}

/* Every statement begins with the caller; those with a key end with it and its hash. */
static void bind_parameters(struct pg_batch *batch, const struct message_ask *ask) {
  pg_batch_bind_text(batch, ask->caller.sub);
  if (ask->kind == MESSAGES_SEND_TO_USER) pg_batch_bind_text(batch, ask->handle);
  if (ask->kind == MESSAGES_LIST || ask->kind == MESSAGES_SEND_TO_GROUP)
    pg_batch_bind_uuid(batch, &ask->group);
  if (message_ask_is_list(ask))
    bind_page(batch, &ask->page);
  else
    pg_batch_bind_text(batch, ask->text);
  if (!message_ask_has_key(ask)) return;
  pg_batch_bind_text(batch, ask->key.text);
  pg_batch_bind_text(batch, ask->key.request_hash);
}

/* Tells group commit which row a write locks. */
static void name_lock(struct pg_batch *batch, const struct message_ask *ask) {
  if (message_ask_has_key(ask))
    pg_batch_lock_unknown(batch, ask->key.text);
  else if (ask->kind == MESSAGES_SEND_TO_USER)
    pg_batch_lock_unknown(batch, ask->caller.sub);
  else if (ask->kind == MESSAGES_SEND_TO_GROUP)
    pg_batch_lock(batch, &ask->group);
}

static void on_result(enum pg_outcome outcome, const struct pg_result *const *results,
                      const struct error *error, void *argument);

static void run(struct postgres_call *call) {
  struct pg_batch *batch = pg_pool_new_batch(call->pool);
  call->statements++;
  pg_batch_trace(batch, call->ask.caller.trace);
  pg_batch_time(batch, call->ask.caller.timing);
  pg_batch_add(batch, statement_of(&call->ask));
  bind_parameters(batch, &call->ask);
  name_lock(batch, &call->ask);
  pg_pool_submit(batch, on_result, call);
}

/* --- Its result --- */

/* Ends the call with rows from `first` on; `last` is the row after which the next page goes on. */
static void finish_page(struct postgres_call *call, const struct pg_result *result, size_t first,
                        size_t last) {
  size_t limit = (size_t)call->ask.page.limit;
  struct buffer body = BUFFER_EMPTY;
  struct message_answer answer = {.outcome = MESSAGES_DONE, .body = &body};
  bool empty = pg_result_is_null(result, 0, "uuid"); /* the caller's own row alone */
  assert(pg_result_rows(result) <= limit + 1);
  if (pg_result_rows(result) > limit) {
    answer.more = true;
    answer.next.created_at_us = pg_result_timestamp(result, last, "created_at");
    answer.next.uuid = pg_result_uuid(result, last, "uuid");
  }
  pg_result_append_array(result, first, empty ? 0 : limit, &body);
  finish(call, &answer);
}

static void finish_groups(struct postgres_call *call, const struct pg_result *result) {
  finish_page(call, result, 0, (size_t)call->ask.page.limit - 1);
}

static void finish_list(struct postgres_call *call, const struct pg_result *result) {
  if (pg_result_is_null(result, 0, "_group")) {
    finish_as(call, MESSAGES_NO_GROUP);
    return;
  }
  /* Oldest first: the one row too many comes first. */
  size_t first = pg_result_rows(result) > (size_t)call->ask.page.limit ? 1 : 0;
  finish_page(call, result, first, first);
}

static bool key_is_reused(const struct postgres_call *call, const struct pg_result *result) {
  return message_ask_has_key(&call->ask) && !pg_result_is_null(result, 0, "_reused");
}

/* Ends the call with the row that was written, or with `missing` when none was. */
static void finish_written(struct postgres_call *call, const struct pg_result *result,
                           enum message_outcome missing) {
  if (key_is_reused(call, result)) {
    finish_as(call, MESSAGES_KEY_REUSED);
    return;
  }
  if (pg_result_is_null(result, 0, "message_group_uuid")) {
    finish_as(call, missing);
    return;
  }
  struct buffer body = BUFFER_EMPTY;
  pg_result_append_object(result, 0, &body);
  finish(call, &(struct message_answer){.outcome = MESSAGES_DONE, .body = &body});
}

static bool group_is_unseen(const struct postgres_call *call, const struct pg_result *result) {
  return message_ask_has_key(&call->ask) && !key_is_reused(call, result) &&
         !pg_result_is_null(result, 0, "_unseen");
}

/* A repeated request that waited for the first one does not see yet which group that made, as its
 * statement began before; the next statement does, unless somebody deleted the message. */
static void run_again(struct postgres_call *call) {
  struct error error = {0};
  if (call->statements < STATEMENTS_LIMIT) {
    run(call);
    return;
  }
  error_set(&error, ERROR_UNAVAILABLE, "the message of an Idempotency-Key does not exist any more");
  fail(call, MESSAGES_UNAVAILABLE, &error);
}

static void finish_sent_to_user(struct postgres_call *call, const struct pg_result *result) {
  bool recipient_exists = !pg_result_is_null(result, 0, "_recipient");
  if (group_is_unseen(call, result))
    run_again(call);
  else
    finish_written(call, result, recipient_exists ? MESSAGES_SELF : MESSAGES_NO_RECIPIENT);
}

static void on_result(enum pg_outcome outcome, const struct pg_result *const *results,
                      const struct error *error, void *argument) {
  struct postgres_call *call = argument;
  if (outcome != PG_DONE) {
    fail(call, message_store_outcome(outcome), error);
    return;
  }
  if (pg_result_rows(results[0]) == 0) { /* there is a row for every caller who is a user */
    finish_as(call, MESSAGES_NO_CALLER);
    return;
  }
  switch (call->ask.kind) {
  case MESSAGES_LIST_GROUPS: finish_groups(call, results[0]); break;
  case MESSAGES_LIST: finish_list(call, results[0]); break;
  case MESSAGES_SEND_TO_USER: finish_sent_to_user(call, results[0]); break;
  case MESSAGES_SEND_TO_GROUP: finish_written(call, results[0], MESSAGES_NO_GROUP); break;
  case MESSAGES_ASK_KINDS: abort();
  }
}

/* --- The store --- */

static void ask_postgres(struct message_store *store, const struct message_ask *ask,
                         message_done done, void *argument) {
  struct postgres_call *call = malloc(sizeof(*call));
  if (!call) {
    message_store_answer_no_memory(done, argument);
    return;
  }
  *call = (struct postgres_call){.pool = ((struct postgres_store *)store)->pool,
                                 .ask = *ask,
                                 .done = done,
                                 .argument = argument};
  run(call);
}

struct message_store *postgres_store_new(struct loop *loop, struct pg_pool *pool,
                                         struct error *error) {
  struct postgres_store *store = calloc(1, sizeof(*store));
  if (!store) {
    error_set(error, ERROR_MEMORY, "out of memory for the message store");
    return NULL;
  }
  *store = (struct postgres_store){.base = {.ask = ask_postgres}, .pool = pool};
  loop_free_at_end(loop, store);
  return &store->base;
}
