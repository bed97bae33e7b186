/* entries.c: items of the DynamoDB table as the entries of a list: each group or message once, the
 * newest first. */
#include "lib/messages/dynamodb/entries.h"

#include "lib/aws/services/dynamodb.h"
#include "lib/messages/dynamodb/group_row.h"
#include "lib/messages/dynamodb/moment.h"

#include <stdlib.h>

void entries_free(struct entries *entries) {
  free(entries->list);
  *entries = (struct entries){0};
}

static int compare_places(const struct entry *a, const struct entry *b) {
  if (a->at_us != b->at_us) return a->at_us < b->at_us ? -1 : 1;
  return memcmp(a->uuid.bytes, b->uuid.bytes, UUID_SIZE);
}

bool entries_in_order(const struct entry *a, const struct entry *b) {
  return compare_places(a, b) > 0;
}

static int newest_first(const void *a, const void *b) {
  return compare_places(b, a);
}

static bool is_same(const struct entry *a, const struct entry *b) {
  return memcmp(a->uuid.bytes, b->uuid.bytes, UUID_SIZE) == 0;
}

/* Puts the entries of one uuid side by side, the newest of them first. */
static int by_uuid(const void *left, const void *right) {
  const struct entry *a = left, *b = right;
  return is_same(a, b) ? newest_first(a, b) : memcmp(a->uuid.bytes, b->uuid.bytes, UUID_SIZE);
}

static bool read_entry(const json_t *item, const char *uuid_name, struct entry *ret_entry) {
  struct str sk = dynamodb_item_string(item, "sk");
  struct str uuid = dynamodb_item_string(item, uuid_name);
  ret_entry->item = item;
  if (strcmp(uuid_name, "message_group_uuid") == 0 && !group_row_opens(item)) return false;
  return sk.data && uuid.data && moment_parse(sk, &ret_entry->at_us) &&
         uuid_parse(uuid, &ret_entry->uuid);
}

static void read_entries(struct entries *entries, const json_t *items, const char *uuid_name) {
  size_t index;
  const json_t *item;
  json_array_foreach(items, index, item) {
    if (read_entry(item, uuid_name, &entries->list[entries->count])) entries->count++;
  }
}

/* Keeps the newest entry of each uuid: a group may have an older row that nobody has deleted yet.
 */
static void drop_repeated(struct entries *entries) {
  struct entry *list = entries->list;
  qsort(list, entries->count, sizeof(*list), by_uuid);
  size_t kept = 0;
  for (size_t i = 0; i < entries->count; i++)
    if (kept == 0 || !is_same(&list[i], &list[kept - 1])) list[kept++] = list[i];
  entries->count = kept;
}

static void drop_not_older(struct entries *entries, const struct message_place *place) {
  const struct entry cursor = {.at_us = place->created_at_us, .uuid = place->uuid};
  size_t kept = 0;
  for (size_t i = 0; i < entries->count; i++)
    if (entries_in_order(&cursor, &entries->list[i])) entries->list[kept++] = entries->list[i];
  entries->count = kept;
}

bool entries_arrange(struct entries *entries, const json_t *items, const char *uuid_name,
                     const struct message_page *page) {
  entries_free(entries);
  entries->list = calloc(json_array_size(items) + 1, sizeof(*entries->list));
  if (!entries->list) return false;
  read_entries(entries, items, uuid_name);
  drop_repeated(entries);
  if (page->has_before) drop_not_older(entries, &page->before);
  qsort(entries->list, entries->count, sizeof(*entries->list), newest_first);
  return true;
}
