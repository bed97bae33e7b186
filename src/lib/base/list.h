/* list.h: an intrusive doubly linked list: O(1) insert and remove, no allocation. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

struct list {
  struct list *next, *previous;
};

/* The structure that holds the list node `node` as its member `member`. */
#define LIST_ENTRY(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

static inline void list_init(struct list *head) {
  head->next = head->previous = head;
}

static inline bool list_empty(const struct list *head) {
  return head->next == head;
}

static inline void list_append(struct list *head, struct list *node) {
  node->previous = head->previous;
  node->next = head;
  head->previous->next = node;
  head->previous = node;
}

/* Takes `node` out of its list; harmless on a node that was initialised or removed before. */
static inline void list_remove(struct list *node) {
  assert(node->next->previous == node && node->previous->next == node); /* nobody freed a part */
  node->previous->next = node->next;
  node->next->previous = node->previous;
  list_init(node);
}

/* Takes the first node off the list; NULL when it is empty. */
static inline struct list *list_pop(struct list *head) {
  if (list_empty(head)) return NULL;
  struct list *node = head->next;
  list_remove(node);
  return node;
}
