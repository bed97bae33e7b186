/* postgres.c: messages in Postgres: each call is one statement of db/sql/messages. */
#include "lib/messages/store.h"
#include "lib/pg/pool.h"

#include <stdlib.h>

struct postgres_store {
  struct message_store base;
  struct pg_pool *pool;
};

/* A call on its way: what its continuation needs. */
struct call {
  message_done done;
  void *argument;
  int32_t limit;
  bool has_key; /* an Idempotency-Key */

  /* What start_group() was asked: it may have to ask Postgres again. */
  struct pg_pool *pool;
  struct message_caller caller;
  struct str handle, message;
  unsigned tries;
};

enum { START_TRIES = 3 };

/* Greater than every row of one moment. */
static const struct uuid LAST_UUID = {
    {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}};

static struct pg_pool *pool_of(struct message_store *store) {
  return ((struct postgres_store *)store)->pool;
}

/* NULL when memory is out; `done` was told then. */
static struct call *call_new(message_done done, void *argument) {
  struct call *call = calloc(1, sizeof(*call));
  if (!call) {
    message_store_answer_no_memory(done, argument);
    return NULL;
  }
  *call = (struct call){.done = done, .argument = argument};
  return call;
}

/* Ends the call. */
static void finish(struct call *call, const struct message_answer *answer) {
  call->done(answer, call->argument);
  if (answer->body) buffer_free(answer->body);
  free(call);
}

static void finish_without(struct call *call, enum message_outcome outcome) {
  finish(call, &(struct message_answer){.outcome = outcome});
}

/* True when the statement ran and knows the caller; otherwise the call has ended. */
static bool has_caller(struct call *call, enum pg_outcome outcome, const struct pg_result *result,
                       const struct error *error) {
  if (outcome != PG_DONE)
    finish(call, &(struct message_answer){
                     .outcome = outcome == PG_UNAVAILABLE ? MESSAGES_UNAVAILABLE : MESSAGES_FAILED,
                     .error = error});
  else if (pg_result_rows(result) == 0)
    finish_without(call, MESSAGES_NO_CALLER);
  else
    return true;
  return false;
}

static void bind_page(struct pg_batch *batch, const struct message_page *page) {
  pg_bind_timestamp(batch, page->has_before ? page->before.created_at_us : INT64_MAX);
  pg_bind_uuid(batch, page->has_before ? &page->before.uuid : &LAST_UUID);
  pg_bind_int(batch, page->limit + 1); /* one more, to know whether there are more */
}

/* Ends the call with rows from `first` on; `last` is the row after which the next page goes on. */
static void finish_page(struct call *call, const struct pg_result *result, size_t first,
                        size_t last) {
  struct buffer body = BUFFER_EMPTY;
  struct message_answer answer = {.outcome = MESSAGES_DONE, .body = &body};
  bool empty = pg_result_is_null(result, 0, "uuid"); /* the caller's own row alone */
  if (pg_result_rows(result) > (size_t)call->limit) {
    answer.more = true;
    answer.next.created_at_us = pg_result_timestamp(result, last, "created_at");
    answer.next.uuid = pg_result_uuid(result, last, "uuid");
  }
  pg_result_append_array(result, first, empty ? 0 : (size_t)call->limit, &body);
  finish(call, &answer);
}

/* --- Groups --- */

static void on_groups(enum pg_outcome outcome, const struct pg_result *const *results,
                      const struct error *error, void *argument) {
  struct call *call = argument;
  if (has_caller(call, outcome, outcome == PG_DONE ? results[0] : NULL, error))
    finish_page(call, results[0], 0, (size_t)call->limit - 1);
}

static void list_groups(struct message_store *store, struct message_caller caller,
                        const struct message_page *page, message_done done, void *argument) {
  struct call *call = call_new(done, argument);
  if (!call) return;
  call->limit = page->limit;
  struct pg_batch *batch = pg_batch_new(pool_of(store));
  pg_batch_trace(batch, caller.trace);
  pg_batch_add(batch, PG_MESSAGES_GROUPS);
  pg_bind_text(batch, caller.sub);
  bind_page(batch, page);
  pg_batch_submit(batch, on_groups, call);
}

/* --- Messages --- */

static void on_list(enum pg_outcome outcome, const struct pg_result *const *results,
                    const struct error *error, void *argument) {
  struct call *call = argument;
  if (!has_caller(call, outcome, outcome == PG_DONE ? results[0] : NULL, error)) return;
  if (pg_result_is_null(results[0], 0, "_group")) {
    finish_without(call, MESSAGES_NO_GROUP);
    return;
  }
  /* Oldest first: the one row too many comes first. */
  size_t first = pg_result_rows(results[0]) > (size_t)call->limit ? 1 : 0;
  finish_page(call, results[0], first, first);
}

static void list_messages(struct message_store *store, struct message_caller caller,
                          const struct uuid *group, const struct message_page *page,
                          message_done done, void *argument) {
  struct call *call = call_new(done, argument);
  if (!call) return;
  call->limit = page->limit;
  struct pg_batch *batch = pg_batch_new(pool_of(store));
  pg_batch_trace(batch, caller.trace);
  pg_batch_add(batch, PG_MESSAGES_LIST);
  pg_bind_text(batch, caller.sub);
  pg_bind_uuid(batch, group);
  bind_page(batch, page);
  pg_batch_submit(batch, on_list, call);
}

/* --- Writing --- */

/* Binds the last parameters of a statement that claims a key. */
static void bind_key(struct pg_batch *batch, struct message_caller caller) {
  pg_bind_text(batch, caller.key);
  pg_bind_text(batch, caller.request_hash);
  pg_batch_lock_unknown(batch, caller.key);
}

/* Ends the call with the row that was written, or with `missing` when none was. */
static void finish_written(struct call *call, const struct pg_result *result,
                           enum message_outcome missing) {
  if (call->has_key && !pg_result_is_null(result, 0, "_reused")) {
    finish_without(call, MESSAGES_KEY_REUSED);
    return;
  }
  if (pg_result_is_null(result, 0, "message_group_uuid")) {
    finish_without(call, missing);
    return;
  }
  struct buffer body = BUFFER_EMPTY;
  pg_result_append_object(result, 0, &body);
  finish(call, &(struct message_answer){.outcome = MESSAGES_DONE, .body = &body});
}

static void submit_start(struct call *call);

static bool is_unseen(const struct call *call, const struct pg_result *result) {
  return call->has_key && pg_result_is_null(result, 0, "_reused") &&
         !pg_result_is_null(result, 0, "_unseen");
}

/* A repeated request that waited for the first one does not see yet which group that made, as its
 * statement began before; the next statement does, unless somebody deleted the message. */
static void start_again(struct call *call) {
  struct error error = {0};
  if (++call->tries < START_TRIES) {
    submit_start(call);
    return;
  }
  error_set(&error, ERROR_UNAVAILABLE, "the message of an Idempotency-Key does not exist any more");
  finish(call, &(struct message_answer){.outcome = MESSAGES_UNAVAILABLE, .error = &error});
}

static void on_started(enum pg_outcome outcome, const struct pg_result *const *results,
                       const struct error *error, void *argument) {
  struct call *call = argument;
  if (!has_caller(call, outcome, outcome == PG_DONE ? results[0] : NULL, error)) return;
  if (is_unseen(call, results[0])) {
    start_again(call);
    return;
  }
  bool known = !pg_result_is_null(results[0], 0, "_recipient");
  finish_written(call, results[0], known ? MESSAGES_SELF : MESSAGES_NO_RECIPIENT);
}

static void submit_start(struct call *call) {
  struct pg_batch *batch = pg_batch_new(call->pool);
  pg_batch_trace(batch, call->caller.trace);
  pg_batch_add(batch, call->has_key ? PG_MESSAGES_START_ONCE : PG_MESSAGES_START);
  pg_bind_text(batch, call->caller.sub);
  pg_bind_text(batch, call->handle);
  pg_bind_text(batch, call->message);
  if (call->has_key)
    bind_key(batch, call->caller);
  else
    pg_batch_lock_unknown(batch, call->caller.sub);
  pg_batch_submit(batch, on_started, call);
}

static void start_group(struct message_store *store, struct message_caller caller,
                        struct str handle, struct str message, message_done done, void *argument) {
  struct call *call = call_new(done, argument);
  if (!call) return;
  call->has_key = caller.key.length > 0;
  call->pool = pool_of(store);
  call->caller = caller;
  call->handle = handle;
  call->message = message;
  submit_start(call);
}

static void on_sent(enum pg_outcome outcome, const struct pg_result *const *results,
                    const struct error *error, void *argument) {
  struct call *call = argument;
  if (has_caller(call, outcome, outcome == PG_DONE ? results[0] : NULL, error))
    finish_written(call, results[0], MESSAGES_NO_GROUP);
}

static void send_message(struct message_store *store, struct message_caller caller,
                         const struct uuid *group, struct str message, message_done done,
                         void *argument) {
  struct call *call = call_new(done, argument);
  if (!call) return;
  call->has_key = caller.key.length > 0;
  struct pg_batch *batch = pg_batch_new(pool_of(store));
  pg_batch_trace(batch, caller.trace);
  pg_batch_add(batch, call->has_key ? PG_MESSAGES_SEND_ONCE : PG_MESSAGES_SEND);
  pg_bind_text(batch, caller.sub);
  pg_bind_uuid(batch, group);
  pg_bind_text(batch, message);
  if (call->has_key)
    bind_key(batch, caller);
  else
    pg_batch_lock(batch, group);
  pg_batch_submit(batch, on_sent, call);
}

/* Closing the pool ends every call. */
static void close_store(struct message_store *store) {
  (void)store;
}

static const struct message_store_operations OPERATIONS = {
    .list_groups = list_groups,
    .list = list_messages,
    .start = start_group,
    .send = send_message,
    .close = close_store,
};

struct message_store *message_store_on_postgres(struct loop *loop, struct pg_pool *pool,
                                                struct error *error) {
  struct postgres_store *store = calloc(1, sizeof(*store));
  if (!store) {
    error_set(error, ERROR_MEMORY, "out of memory for the message store");
    return NULL;
  }
  *store = (struct postgres_store){.base = {&OPERATIONS}, .pool = pool};
  loop_free_at_end(loop, store);
  return &store->base;
}
