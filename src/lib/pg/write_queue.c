/* write_queue.c: puts waiting writes together into groups that are one transaction.
 *
 * A write that waits is in one of three lists: `waiting`, `alone` (it is to be a transaction of its
 * own) or `behind` (it locks what a suspect locks). A suspect is in `suspects` as well, from the
 * time it is found to be one until write_queue_forget(), whether it waits or was sent. The queue
 * owns no memory: it links the batches of its pool. All on the loop. */
#include "lib/pg/write_queue.h"

#include <assert.h>
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
}

void write_queue_add(struct write_queue *queue, struct pg_batch *batch) {
  assert(!batch->alone && list_empty(&batch->suspect_node));
  list_append(&queue->waiting, &batch->node);
}

static void list_push(struct list *head, struct list *node) {
  list_append(head->next, node); /* before the first */
}

void write_queue_suspect(struct write_queue *queue, struct pg_batch *batch) {
  if (list_empty(&batch->suspect_node)) list_append(&queue->suspects, &batch->suspect_node);
}

void write_queue_return(struct write_queue *queue, struct pg_batch *batch, bool culprit) {
  batch->alone = batch->alone || culprit || batch->reruns >= GROUPS_TRIED;
  if (!batch->alone) {
    list_append(&queue->waiting, &batch->node);
    return;
  }
  write_queue_suspect(queue, batch);
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

/* A group that is being put together: first writes that lock nothing, then known rows in their
 * order, then a write that locks unknown rows, which are locked for the shortest time there. */
struct group {
  struct pg_batch **batches;
  unsigned count;
  bool has_rows, has_unknown;
};

static bool fits(const struct group *group, const struct pg_batch *batch) {
  switch (batch->lock) {
  case PG_LOCK_NONE: return true;
  case PG_LOCK_ROW: return !group->has_unknown;
  case PG_LOCK_UNKNOWN: return !group->has_unknown && !group->has_rows;
  }
  return false;
}

static bool comes_before(const struct pg_batch *one, const struct pg_batch *other) {
  if (one->lock != other->lock) return one->lock < other->lock;
  return one->lock == PG_LOCK_ROW &&
         memcmp(one->lock_key.bytes, other->lock_key.bytes, UUID_SIZE) < 0;
}

static void put_in_order(struct group *group, struct pg_batch *batch) {
  unsigned place = group->count++;
  for (; place > 0 && comes_before(batch, group->batches[place - 1]); place--)
    group->batches[place] = group->batches[place - 1];
  group->batches[place] = batch;
  group->has_rows = group->has_rows || batch->lock == PG_LOCK_ROW;
  group->has_unknown = group->has_unknown || batch->lock == PG_LOCK_UNKNOWN;
}

bool write_queue_is_group(const struct pg_batch *const *batches, unsigned count, unsigned limit) {
  if (count > limit) return false;
  for (unsigned i = 1; i < count; i++) {
    const struct pg_batch *batch = batches[i], *before = batches[i - 1];
    if (batch->alone || before->alone || comes_before(batch, before)) return false;
    if (batch->lock == PG_LOCK_UNKNOWN && before->lock != PG_LOCK_NONE) return false;
  }
  return true;
}

static unsigned take_group(struct write_queue *queue, struct pg_batch **batches, unsigned limit) {
  struct group group = {.batches = batches};
  struct list *node = queue->waiting.next;
  for (unsigned seen = 0; seen < SCAN_LIMIT && group.count < limit && node != &queue->waiting;
       seen++) {
    struct pg_batch *batch = LIST_ENTRY(node, struct pg_batch, node);
    node = node->next;
    if (is_behind_suspect(queue, batch)) {
      list_remove(&batch->node);
      list_append(&queue->behind, &batch->node);
    } else if (fits(&group, batch)) {
      list_remove(&batch->node);
      put_in_order(&group, batch);
    }
  }
  return group.count;
}

static unsigned take_alone(struct write_queue *queue, struct pg_batch **batches) {
  struct list *node = list_pop(&queue->alone);
  if (!node) return 0;
  batches[0] = LIST_ENTRY(node, struct pg_batch, node);
  queue->last_was_alone = true;
  return 1;
}

unsigned write_queue_take(struct write_queue *queue, struct pg_batch **group, unsigned limit) {
  assert(limit > 0);
  if (!queue->last_was_alone && !list_empty(&queue->alone)) return take_alone(queue, group);
  queue->last_was_alone = false;
  unsigned count = take_group(queue, group, limit);
  if (count == 0) return take_alone(queue, group);
  assert(write_queue_is_group((const struct pg_batch *const *)group, count, limit));
  return count;
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
