/* store.h: what a store of messages is made of: inside the room. */
#pragma once

#include "lib/messages/messages.h"

/* The functions of messages.h, by store. */
struct message_store_operations {
  void (*list_groups)(struct message_store *store, struct message_caller caller,
                      const struct message_page *page, message_done done, void *argument);
  void (*list)(struct message_store *store, struct message_caller caller, const struct uuid *group,
               const struct message_page *page, message_done done, void *argument);
  void (*start)(struct message_store *store, struct message_caller caller, struct str handle,
                struct str message, message_done done, void *argument);
  void (*send)(struct message_store *store, struct message_caller caller, const struct uuid *group,
               struct str message, message_done done, void *argument);
  void (*close)(struct message_store *store);
};

/* The first member of every store. */
struct message_store {
  const struct message_store_operations *operations;
};

/* Tells `done` that memory is out. */
void message_store_answer_no_memory(message_done done, void *argument);
