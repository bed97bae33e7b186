/* store.c: the functions of messages.h: each store's own. */
#include "lib/messages/store.h"

void message_store_list_groups(struct message_store *store, struct message_caller caller,
                               const struct message_page *page, message_done done, void *argument) {
  store->operations->list_groups(store, caller, page, done, argument);
}

void message_store_list(struct message_store *store, struct message_caller caller,
                        const struct uuid *group, const struct message_page *page,
                        message_done done, void *argument) {
  store->operations->list(store, caller, group, page, done, argument);
}

void message_store_start(struct message_store *store, struct message_caller caller,
                         struct str handle, struct str message, message_done done, void *argument) {
  store->operations->start(store, caller, handle, message, done, argument);
}

void message_store_send(struct message_store *store, struct message_caller caller,
                        const struct uuid *group, struct str message, message_done done,
                        void *argument) {
  store->operations->send(store, caller, group, message, done, argument);
}

void message_store_close(struct message_store *store) {
  if (store) store->operations->close(store);
}

void message_store_answer_no_memory(message_done done, void *argument) {
  struct error error = {0};
  error_set(&error, ERROR_MEMORY, "out of memory for a call of the message store");
  struct message_answer answer = {.outcome = MESSAGES_UNAVAILABLE, .error = &error};
  done(&answer, argument);
}
