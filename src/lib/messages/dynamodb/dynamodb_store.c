/* dynamodb_store.c: the store of messages in DynamoDB, and where each kind of ask begins.
 *
 * The store lives on one loop. It knows no list of its calls: those that wait for Postgres or for
 * DynamoDB are ended by the pool and the client when these close. Only calls in a pause are its own
 * to end. After message_store_close() no pause and no repair of rows begins. */
#include "lib/messages/dynamodb/table_read.h"
#include "lib/messages/dynamodb/table_write.h"

#include <assert.h>
#include <stdlib.h>

enum { PAUSE_MS = 100 }; /* before a call looks for a group's row again */

static void ask_dynamodb(struct message_store *store, const struct message_ask *ask,
                         message_done done, void *argument) {
  static const table_call_step FIRST_STEPS[MESSAGES_ASK_KINDS] = {
      [MESSAGES_LIST_GROUPS] = table_read_groups,
      [MESSAGES_LIST] = table_read_messages,
      [MESSAGES_SEND_TO_USER] = table_write_to_user,
      [MESSAGES_SEND_TO_GROUP] = table_write_to_group,
  };
  struct table_call *call = table_call_new((struct dynamodb_store *)store, ask, done, argument);
  if (call) FIRST_STEPS[ask->kind](call);
}

static void close_store(struct message_store *base) {
  struct dynamodb_store *store = (struct dynamodb_store *)base;
  struct list *node;
  assert(!store->closing);
  store->closing = true;
  loop_deadlines_close(&store->pauses);
  while ((node = list_pop(&store->paused)))
    table_call_fail_stopping(LIST_ENTRY(node, struct table_call, paused_node));
}

struct message_store *dynamodb_store_new(struct loop *loop, struct pg_pool *pool,
                                         struct aws_client *client, const char *table,
                                         unsigned deadline_ms, struct error *error) {
  struct dynamodb_store *store = calloc(1, sizeof(*store));
  if (!store) {
    error_set(error, ERROR_MEMORY, "out of memory for the message store");
    return NULL;
  }
  *store = (struct dynamodb_store){.base = {.ask = ask_dynamodb, .close = close_store},
                                   .loop = loop,
                                   .pool = pool,
                                   .client = client,
                                   .table = table,
                                   .deadline_ms = deadline_ms};
  loop_deadlines_init(&store->pauses, loop, PAUSE_MS);
  list_init(&store->paused);
  list_init(&store->repairs);
  loop_free_at_end(loop, store);
  return &store->base;
}
