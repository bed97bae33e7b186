/* dynamodb.c: messages in DynamoDB: the store and where its calls begin. */
#include "lib/messages/call.h"

#include <stdlib.h>

enum { PAUSE_MS = 100 }; /* before looking for a group's row again */

static void list_groups(struct message_store *store, struct message_caller caller,
                        const struct message_page *page, message_done done, void *argument) {
  struct call *call = call_new(store, caller, done, argument);
  if (!call) return;
  call->page = page;
  call_list_groups(call);
}

static void list_messages(struct message_store *store, struct message_caller caller,
                          const struct uuid *group, const struct message_page *page,
                          message_done done, void *argument) {
  struct call *call = call_new(store, caller, done, argument);
  if (!call) return;
  call->page = page;
  table_format_id(group, call->group_id);
  call_list_messages(call);
}

static void start_group(struct message_store *store, struct message_caller caller,
                        struct str handle, struct str message, message_done done, void *argument) {
  struct call *call = call_new(store, caller, done, argument);
  if (!call) return;
  call->handle = handle;
  call->message = message;
  call_start_group(call);
}

static void send_message(struct message_store *store, struct message_caller caller,
                         const struct uuid *group, struct str message, message_done done,
                         void *argument) {
  struct call *call = call_new(store, caller, done, argument);
  if (!call) return;
  call->message = message;
  table_format_id(group, call->group_id);
  call_send_message(call);
}

/* Calls that wait for Postgres or DynamoDB end when those are closed. */
static void close_store(struct message_store *base) {
  struct dynamodb_store *store = (struct dynamodb_store *)base;
  store->closing = true;
  deadline_queue_close(&store->pauses);
  struct list *node;
  while ((node = list_pop(&store->paused)))
    call_fail(LIST_ENTRY(node, struct call, paused_node), &STOPPING);
}

static const struct message_store_operations OPERATIONS = {
    .list_groups = list_groups,
    .list = list_messages,
    .start = start_group,
    .send = send_message,
    .close = close_store,
};

struct message_store *message_store_on_dynamodb(struct loop *loop, struct pg_pool *pool,
                                                struct aws_client *client, const char *table,
                                                unsigned deadline_ms, struct error *error) {
  struct dynamodb_store *store = calloc(1, sizeof(*store));
  if (!store) {
    error_set(error, ERROR_MEMORY, "out of memory for the message store");
    return NULL;
  }
  *store = (struct dynamodb_store){.base = {&OPERATIONS},
                                   .loop = loop,
                                   .pool = pool,
                                   .client = client,
                                   .table = table,
                                   .deadline_ms = deadline_ms};
  deadline_queue_init(&store->pauses, loop, PAUSE_MS);
  list_init(&store->paused);
  loop_free_at_end(loop, store);
  return &store->base;
}
