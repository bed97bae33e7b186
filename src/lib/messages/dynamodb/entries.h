/* entries.h: items of the DynamoDB table as the entries of a list: each group or message once, the
 * newest first. */
#pragma once

#include "lib/base/uuid.h"
#include "lib/messages/messages.h"

#include <jansson.h>

struct entry {
  struct uuid uuid;   /* of the message or the group */
  int64_t at_us;      /* microseconds of UTC since 1970 */
  const json_t *item; /* borrowed */
};

struct entries {
  struct entry *list; /* owned */
  size_t count;
};

/* Makes `*entries`, which it frees first, the entries of the array `items` that belong on `page`
 * or beyond it: those that are older than its cursor. The attribute `uuid_name` says which group
 * or message an item is about; of several items with one uuid the newest counts. Items that lack
 * it or a time, and rows of groups that cannot be opened, are left out. False when memory is out.
 */
bool entries_arrange(struct entries *entries, const json_t *items, const char *uuid_name,
                     const struct message_page *page);

/* True when `a` is listed before `b`: it is newer. Of one time, the greater uuid comes first. */
bool entries_in_order(const struct entry *a, const struct entry *b);

void entries_free(struct entries *entries);
