/* group.c: see group.h. */
#include "lib/pg/group.h"

#include <string.h>

enum {
  SCAN_LIMIT = 256, /* waiting writes looked at for one group */
  GROUPS_TRIED = 2, /* failed groups that a write may have been in before it runs alone */
};

void write_queue_init(struct write_queue *queue) {
  list_init(&queue->waiting);
  list_init(&queue->alone);
  list_init(&queue->behind);
  list_init(&queue->suspects);
  queue->last_was_alone = false;
  write_queue_close_group(queue);
}

void write_queue_add(struct write_queue *queue, struct pg_batch *batch) {
  list_append(&queue->waiting, &batch->node);
}

static void list_push(struct list *head, struct list *node) {
  list_append(head->next, node); /* before the first */
}

void write_queue_return(struct write_queue *queue, struct pg_batch *batch, bool culprit) {
  batch->alone = batch->alone || culprit || batch->reruns >= GROUPS_TRIED;
  if (!batch->alone) {
    list_append(&queue->waiting, &batch->node);
    return;
  }
  if (list_empty(&batch->suspect_node)) list_append(&queue->suspects, &batch->suspect_node);
  list_append(&queue->alone, &batch->node);
}

static bool shares_lock(const struct pg_batch *one, const struct pg_batch *other) {
  return one != other && one->lock != PG_LOCK_NONE && one->lock == other->lock &&
         memcmp(one->lock_key.bytes, other->lock_key.bytes, UUID_SIZE) == 0;
}

static bool is_behind_suspect(const struct write_queue *queue, const struct pg_batch *batch) {
  for (struct list *node = queue->suspects.next; node != &queue->suspects; node = node->next)
    if (shares_lock(LIST_ENTRY(node, struct pg_batch, suspect_node), batch)) return true;
  return false;
}

static bool fits(const struct open_group *open, const struct pg_batch *batch) {
  switch (batch->lock) {
  case PG_LOCK_NONE: return true;
  case PG_LOCK_ROW:
    return !open->has_unknown &&
           (!open->has_rows || memcmp(batch->lock_key.bytes, open->last_row.bytes, UUID_SIZE) >= 0);
  case PG_LOCK_UNKNOWN: return !open->has_unknown && !open->has_rows;
  }
  return false;
}

/* First what locks nothing, then known rows in their order, then unknown rows: what locks most
 * comes last, and holds its locks for the shortest time. */
static bool comes_before(const struct pg_batch *one, const struct pg_batch *other) {
  if (one->lock != other->lock) return one->lock < other->lock;
  return one->lock == PG_LOCK_ROW &&
         memcmp(one->lock_key.bytes, other->lock_key.bytes, UUID_SIZE) < 0;
}

static void put_in_order(struct pg_batch **batches, unsigned count, struct pg_batch *batch) {
  unsigned place = count;
  for (; place > 0 && comes_before(batch, batches[place - 1]); place--)
    batches[place] = batches[place - 1];
  batches[place] = batch;
}

/* What joins at the same time is put in order, so each row only has to come after those that were
 * sent before: `last_row` stays as it is meanwhile, and all zeros come before any. */
static unsigned take_fitting(struct write_queue *queue, struct pg_batch **batches, unsigned limit) {
  struct open_group open = queue->open;
  struct list *node = queue->waiting.next;
  unsigned count = 0;
  for (unsigned seen = 0; seen < SCAN_LIMIT && count < limit && node != &queue->waiting; seen++) {
    struct pg_batch *batch = LIST_ENTRY(node, struct pg_batch, node);
    node = node->next;
    if (is_behind_suspect(queue, batch)) {
      list_remove(&batch->node);
      list_append(&queue->behind, &batch->node);
    } else if (fits(&open, batch)) {
      list_remove(&batch->node);
      put_in_order(batches, count++, batch);
      open.has_rows = open.has_rows || batch->lock == PG_LOCK_ROW;
      open.has_unknown = open.has_unknown || batch->lock == PG_LOCK_UNKNOWN;
    }
  }
  return count;
}

static void note_taken(struct open_group *open, struct pg_batch *const *batches, unsigned count) {
  open->count += count;
  for (unsigned i = 0; i < count; i++) {
    if (batches[i]->lock == PG_LOCK_UNKNOWN) open->has_unknown = true;
    if (batches[i]->lock != PG_LOCK_ROW) continue;
    open->has_rows = true;
    open->last_row = batches[i]->lock_key;
  }
}

static unsigned take_alone(struct write_queue *queue, struct pg_batch **batches) {
  struct list *node = list_pop(&queue->alone);
  if (!node) return 0;
  batches[0] = LIST_ENTRY(node, struct pg_batch, node);
  queue->last_was_alone = true;
  queue->open.count = 1;
  queue->open.is_full = true;
  return 1;
}

unsigned write_queue_take(struct write_queue *queue, struct pg_batch **group, unsigned limit) {
  struct open_group *open = &queue->open;
  if (open->is_full || open->count >= limit) return 0;
  bool may_be_alone = open->count == 0;
  if (may_be_alone && !queue->last_was_alone && !list_empty(&queue->alone))
    return take_alone(queue, group);
  unsigned count = take_fitting(queue, group, limit - open->count);
  if (count == 0) return may_be_alone ? take_alone(queue, group) : 0;
  queue->last_was_alone = false;
  note_taken(open, group, count);
  return count;
}

void write_queue_close_group(struct write_queue *queue) {
  queue->open = (struct open_group){.count = 0};
}

void write_queue_forget(struct write_queue *queue, struct pg_batch *batch) {
  if (list_empty(&batch->suspect_node)) return;
  list_remove(&batch->suspect_node);
  struct list *node = queue->behind.previous;
  while (node != &queue->behind) {
    struct pg_batch *waiter = LIST_ENTRY(node, struct pg_batch, node);
    node = node->previous;
    if (!shares_lock(batch, waiter)) continue;
    list_remove(&waiter->node);
    list_push(&queue->waiting, &waiter->node);
  }
}

struct pg_batch *write_queue_pop(struct write_queue *queue) {
  struct list *const lists[] = {&queue->waiting, &queue->alone, &queue->behind};
  for (int i = 0; i < 3; i++) {
    struct list *node = list_pop(lists[i]);
    if (node) return LIST_ENTRY(node, struct pg_batch, node);
  }
  return NULL;
}
