/* message_store.c: what is asked of a store is checked here and handed on to Postgres's or
 * DynamoDB's.
 *
 * A store has no state of its own here: two functions are its whole interface. Everything runs on
 * the thread of the store's loop. */
#include "lib/messages/message_store.h"

#include <assert.h>

/* The routes have validated what a client sent: what does not hold here is a mistake of ours. */
static void check(const struct message_ask *ask) {
  assert(ask->kind < MESSAGES_ASK_KINDS);
  assert(ask->caller.sub.length > 0 && "only a verified token leads to messages");
  if (message_ask_is_list(ask)) {
    assert(ask->page.limit >= 1 && ask->page.limit <= MESSAGES_PAGE_LIMIT);
    assert(!message_ask_has_key(ask) && "only what is sent has a key");
  } else {
    assert(ask->text.length > 0);
    assert((ask->handle.length > 0) == (ask->kind == MESSAGES_SEND_TO_USER));
    assert(!message_ask_has_key(ask) || ask->key.request_hash.length == MESSAGES_REQUEST_HASH_SIZE);
  }
}

void message_store_ask(struct message_store *store, const struct message_ask *ask,
                       message_done done, void *argument) {
  check(ask);
  store->ask(store, ask, done, argument);
}

void message_store_close(struct message_store *store) {
  if (store && store->close) store->close(store);
}

enum message_outcome message_store_outcome(enum pg_outcome outcome) {
  assert(outcome != PG_DONE);
  return outcome == PG_UNAVAILABLE ? MESSAGES_UNAVAILABLE : MESSAGES_FAILED;
}

void message_store_answer_no_memory(message_done done, void *argument) {
  struct error error = {0};
  error_set(&error, ERROR_MEMORY, "out of memory for direct messages");
  done(&(struct message_answer){.outcome = MESSAGES_UNAVAILABLE, .error = &error}, argument);
}
