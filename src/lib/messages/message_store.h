/* message_store.h: what both stores of messages have in common. Inside of the room only. */
#pragma once

#include "lib/messages/messages.h"
#include "lib/pg/pool.h"

/* The first member of every store. */
struct message_store {
  void (*ask)(struct message_store *store, const struct message_ask *ask, message_done done,
              void *argument);
  void (*close)(struct message_store *store); /* NULL: nothing is to be done */
};

static inline bool message_ask_is_list(const struct message_ask *ask) {
  return ask->kind == MESSAGES_LIST_GROUPS || ask->kind == MESSAGES_LIST;
}

static inline bool message_ask_has_key(const struct message_ask *ask) {
  return ask->key.text.length > 0;
}

/* The outcome of an ask whose batch Postgres did not do. */
enum message_outcome message_store_outcome(enum pg_outcome outcome);

/* Calls `done` with MESSAGES_UNAVAILABLE: memory is out. */
void message_store_answer_no_memory(message_done done, void *argument);
