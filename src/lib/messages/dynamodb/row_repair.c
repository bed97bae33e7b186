/* row_repair.c: see row_repair.h. A repair owns what it works with, because the request that caused
 * it has been answered. It is in its store's list, which bounds how many there are, from
 * row_repair_new() until both moves have ended; they end within the store's deadline, or when the
 * AWS client closes. What fails is left to the next reader or sender. */
#include "lib/messages/dynamodb/row_repair.h"

#include "lib/messages/dynamodb/group_row.h"

#include <assert.h>
#include <stdlib.h>

enum { REPAIRS_LIMIT = 16 }; /* at once in one store */

struct row_repair {
  struct list node;
  struct dynamodb_store *store;
  struct table_session session;
  struct person members[2];
  char group_id[TABLE_ID_SIZE];
  int64_t at_us;
  struct buffer text;
  unsigned moves_left;
};

static bool may_begin(const struct dynamodb_store *store, const char *group_id) {
  size_t count = 0;
  for (struct list *node = store->repairs.next; node != &store->repairs; node = node->next) {
    const struct row_repair *repair = LIST_ENTRY(node, struct row_repair, node);
    if (strcmp(repair->group_id, group_id) == 0) return false;
    count++;
  }
  return !store->closing && count < REPAIRS_LIMIT;
}

static void repair_free(struct row_repair *repair) {
  list_remove(&repair->node);
  person_free(&repair->members[0]);
  person_free(&repair->members[1]);
  buffer_free(&repair->text);
  free(repair);
}

struct row_repair *row_repair_new(struct table_call *call, int64_t at_us, struct str text) {
  struct dynamodb_store *store = call->store;
  if (!may_begin(store, call->group_id)) return NULL;
  struct row_repair *repair = calloc(1, sizeof(*repair));
  if (!repair) return NULL;
  list_append(&store->repairs, &repair->node);
  repair->store = store;
  repair->session = call->session;
  repair->session.trace = NULL; /* the request's, which is over */
  memcpy(repair->group_id, call->group_id, sizeof(repair->group_id));
  repair->at_us = at_us;
  buffer_append_str(&repair->text, text);
  if (repair->text.failed) {
    repair_free(repair);
    return NULL;
  }
  repair->members[0] = call->caller;
  repair->members[1] = call->other;
  call->caller = call->other = (struct person){0};
  return repair;
}

static void on_moved(const struct error *error, void *argument) {
  (void)error;
  struct row_repair *repair = argument;
  assert(repair->moves_left > 0);
  if (--repair->moves_left == 0) repair_free(repair);
}

/* Somebody may have moved the rows meanwhile, so a move looks before it puts a row. */
static void move_row(struct row_repair *repair, size_t member) {
  struct group_row row = {.group_id = repair->group_id,
                          .member_id = repair->members[member].id,
                          .other = &repair->members[1 - member],
                          .at_us = repair->at_us,
                          .message = buffer_str(&repair->text),
                          .looks_first = true};
  group_row_move(&repair->session, &row, on_moved, repair);
}

void row_repair_begin(struct row_repair *repair) {
  if (!repair) return;
  repair->session.due_ms = loop_now_ms(repair->store->loop) + repair->store->deadline_ms;
  repair->moves_left = 2;
  move_row(repair, 0);
  move_row(repair, 1); /* the repair lives until this one has ended as well */
}
