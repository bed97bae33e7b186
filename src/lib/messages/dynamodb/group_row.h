/* group_row.h: moving a member's group row to the time and text of a message.
 *
 * The time is part of the row's key. So moving a row means putting a new one and deleting the old
 * one, in two requests. The new row comes first: whatever happens in between, the member has a row,
 * and readers take the newest. The account's stream Lambda moves the same rows in its own way at
 * its own time, and so do other senders. Therefore the rows are looked at after each change, and
 * whoever looks last leaves exactly one: the newest. */
#pragma once

#include "lib/messages/dynamodb/table.h"

struct group_row {
  const char *group_id, *member_id; /* borrowed until `done` */
  const struct person *other;       /* borrowed until `done` */
  int64_t at_us;                    /* the message's time */
  struct str message;               /* borrowed until `done` */
  bool looks_first;                 /* others may have moved the row there already */
};

typedef void (*group_row_moved)(const struct error *error, void *argument);

/* Makes `row` the member's only row of its group, unless there is a newer one. `done` gets NULL
 * when that is so. */
void group_row_move(const struct table_session *session, const struct group_row *row,
                    group_row_moved done, void *argument);

/* True when a row can be opened: it has a time, the group's uuid in lower case, which is how the
 * keys of its messages are found, and the other member's uuid. Others are left out of everything.
 */
bool group_row_opens(const json_t *item);

/* The newest of the rows `items` that can be opened, all of one group; NULL when there is none. */
const json_t *group_row_newest(const json_t *items, int64_t *ret_at_us);
