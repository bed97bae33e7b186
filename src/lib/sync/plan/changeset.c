/* changeset.c: a plan as a file. */
#include "lib/sync/plan/changeset.h"

#include "lib/base/clock.h"
#include "lib/base/encoding.h"
#include "lib/base/json_writer.h"
#include "lib/base/random.h"
#include "lib/sync/keyed.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

enum { CHANGESET_VERSION = 1, MICROSECONDS = 1000000 };

void changeset_new_id(char ret_id[CHANGESET_ID_SIZE]) {
  unsigned char random[4];
  random_bytes(random, sizeof(random));
  uint64_t now = (uint64_t)clock_unix_us();
  snprintf(ret_id, CHANGESET_ID_SIZE, "%014" PRIx64 "-%02x%02x%02x%02x",
           now & UINT64_C(0xFFFFFFFFFFFFFF), random[0], random[1], random[2], random[3]);
}

/* --- Writing --- */

static void write_text(struct buffer *output, const char *before, const char *text) {
  buffer_append_text(output, before);
  json_writer_string(output, str_from(text));
}

static void write_headers(const struct object_headers *headers, struct buffer *output) {
  char digest[DIGEST_SHORT_SIZE];
  object_headers_digest(headers, digest);
  write_text(output, ",\"headers_digest\":", digest);
  buffer_append_text(output, ",\"headers\":{");
  const char *separator = "";
  for (size_t i = 0; i < SYNC_HEADER_COUNT; i++) {
    if (!*headers->values[i]) continue;
    write_text(output, separator, object_headers_name(i));
    write_text(output, ":", headers->values[i]);
    separator = ",";
  }
  buffer_append_char(output, '}');
}

static void write_change(const struct sync_change *change, struct buffer *output) {
  write_text(output, "{\"action\":", sync_plan_action_name(change->action));
  write_text(output, ",\"key\":", change->key);
  write_text(output, ",\"class\":", rules_class_name(change->class));
  if (change->object) {
    const struct sync_object *object = change->object;
    write_text(output, change->copy_source ? ",\"copy\":" : ",\"path\":",
               change->copy_source ? change->copy_source : object->path);
    buffer_append_format(output, ",\"size\":%" PRIu64 ",\"md5\":\"%s\"", object->size, object->md5);
    write_headers(&object->headers, output);
  }
  if (change->before) {
    write_text(output, ",\"before\":{\"etag\":", change->before->etag);
    buffer_append_format(output, ",\"size\":%" PRIu64 "}", change->before->size);
  }
  buffer_append_char(output, '}');
}

static void write_paths(const struct journal_paths *paths, struct buffer *output) {
  for (size_t i = 0; i < paths->count; i++)
    write_text(output, i == 0 ? "\n  " : ",\n  ", paths->paths[i]);
}

static void write_summary(const struct sync_plan *plan, struct buffer *output) {
  buffer_append_text(output, ",\n\"summary\":{");
  for (enum sync_action action = 0; action < SYNC_ACTIONS; action++)
    buffer_append_format(output, "%s\"%s\":%zu", action == 0 ? "" : ",",
                         sync_plan_action_name(action), plan->counts[action]);
  buffer_append_format(output, ",\"upload_bytes\":%" PRIu64 "}", plan->upload_bytes);
}

void changeset_write(const struct sync_plan *plan, const char *distribution,
                     const char *build_folder, int64_t created_s, struct buffer *output) {
  const struct sync_place *place = &plan->bucket->place;
  const struct journal *journal = &plan->journal;
  assert(journal->id && journal->target); /* the paths were planned */
  char created[CLOCK_RFC3339_SIZE];
  clock_format_rfc3339(created_s * MICROSECONDS, created);
  buffer_append_format(output, "{\"version\":%d", CHANGESET_VERSION);
  write_text(output, ",\n\"id\":", journal->id);
  write_text(output, ",\n\"created\":", created);
  write_text(output, ",\n\"bucket\":", place->bucket);
  write_text(output, ",\n\"prefix\":", place->prefix);
  write_text(output, ",\n\"distribution\":", distribution);
  write_text(output, ",\n\"build_folder\":", build_folder);
  write_text(output, ",\n\"target\":", journal->target);
  write_summary(plan, output);
  buffer_append_text(output, ",\n\"changes\":[");
  for (size_t i = 0; i < plan->count; i++) {
    buffer_append_text(output, i == 0 ? "\n  " : ",\n  ");
    write_change(&plan->changes[i], output);
  }
  buffer_append_text(output, "],\n\"invalidate\":[");
  write_paths(&journal->changed, output);
  buffer_append_text(output, "],\n\"invalidate_after_deletion\":[");
  write_paths(&journal->deleted, output);
  buffer_append_text(output, "]}\n");
}

/* --- Reading --- */

/* What a change takes away or does not know is left out of its row. */
static bool read_item(json_t *row, struct arena *arena, struct changeset_item *item) {
  const char *key, *action, *md5 = "", *digest = "", *before = "";
  if (json_unpack(row, "{s: s, s: s, s?: s, s?: s, s?: {s: s}}", "key", &key, "action", &action,
                  "md5", &md5, "headers_digest", &digest, "before", "etag", &before) != 0)
    return false;
  *item = (struct changeset_item){.key = arena_copy(arena, str_from(key)),
                                  .action = arena_copy(arena, str_from(action)),
                                  .md5 = arena_copy(arena, str_from(md5)),
                                  .headers_digest = arena_copy(arena, str_from(digest)),
                                  .before = arena_copy(arena, str_from(before))};
  return true;
}

static bool read_items(const json_t *list, struct arena *arena, struct changeset *changeset) {
  size_t count = json_array_size(list);
  if (!json_is_array(list)) return false;
  changeset->items = arena_take(arena, (count + 1) * sizeof(struct changeset_item));
  if (!changeset->items) return false;
  for (; changeset->count < count; changeset->count++)
    if (!read_item(json_array_get(list, changeset->count), arena,
                   &changeset->items[changeset->count]))
      return false;
  keyed_sort(changeset->items, count, sizeof(changeset->items[0]));
  return true;
}

static bool read_root(json_t *root, struct arena *arena, struct changeset *changeset) {
  struct changeset_place *place = &changeset->place;
  const char **texts[] = {&changeset->id, &changeset->target,   &place->bucket,
                          &place->prefix, &place->distribution, &place->build_folder};
  json_t *changes;
  int version;
  if (json_unpack(root, "{s: i, s: s, s: s, s: s, s: s, s: s, s: s, s: o}", "version", &version,
                  "id", texts[0], "target", texts[1], "bucket", texts[2], "prefix", texts[3],
                  "distribution", texts[4], "build_folder", texts[5], "changes", &changes) != 0 ||
      version != CHANGESET_VERSION || !*changeset->id)
    return false;
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    *texts[i] = arena_copy(arena, str_from(*texts[i])); /* they belong to `root` */
  return read_items(changes, arena, changeset) && !arena->failed;
}

bool changeset_parse(struct str text, struct arena *arena, struct changeset *ret_changeset,
                     struct error *error) {
  json_error_t problem;
  struct changeset changeset = {0};
  json_t *root = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &problem);
  bool read = root && read_root(root, arena, &changeset);
  json_decref(root);
  if (!read) return error_set(error, ERROR_INVALID, "this is not a changeset of cruddur sync");
  *ret_changeset = changeset;
  return true;
}

/* --- Checking --- */

struct changeset_difference {
  size_t count;
  const char *key, *what; /* of the first */
};

static void differ(struct changeset_difference *difference, const char *key, const char *what) {
  if (difference->count++ > 0) return;
  difference->key = key;
  difference->what = what;
}

static bool changes_something(const char *action) {
  return strcmp(action, "keep") != 0 && strcmp(action, "ignore") != 0 &&
         strcmp(action, "foreign") != 0;
}

static const struct changeset_item *find_item(const struct changeset *changeset, const char *key) {
  return keyed_find(changeset->items, changeset->count, sizeof(changeset->items[0]), key);
}

static bool becomes_same(const struct changeset_item *item, const struct sync_object *object) {
  char digest[DIGEST_SHORT_SIZE] = "";
  if (object) object_headers_digest(&object->headers, digest);
  return strcmp(item->md5, object ? object->md5 : "") == 0 &&
         strcmp(item->headers_digest, digest) == 0;
}

static void check_change(const struct changeset *changeset, const struct sync_change *change,
                         struct changeset_difference *difference) {
  const struct changeset_item *item = find_item(changeset, change->key);
  if (!item || !changes_something(item->action))
    differ(difference, change->key, "is not in the changeset");
  else if (strcmp(item->before, change->before ? change->before->etag : "") != 0)
    differ(difference, change->key, "was changed in the bucket");
  else if (!becomes_same(item, change->object))
    differ(difference, change->key, "was changed in the build");
}

/* A change that is not planned any more was done already, or its file is again what the bucket has.
 */
static void check_done(const struct changeset_item *item, const struct sync_plan *plan,
                       struct changeset_difference *difference) {
  const struct sync_object *object = build_find(plan->build, item->key);
  if (strcmp(item->action, "delete") == 0) {
    if (object || bucket_find(plan->bucket, item->key))
      differ(difference, item->key, "is to be deleted and is wanted now");
  } else if (!object || !becomes_same(item, object)) {
    differ(difference, item->key, "was changed in the build");
  }
}

bool changeset_check(const struct changeset *changeset, const struct sync_plan *plan,
                     struct error *error) {
  struct changeset_difference difference = {0};
  for (size_t i = 0; i < plan->count; i++)
    if (changes_something(sync_plan_action_name(plan->changes[i].action)))
      check_change(changeset, &plan->changes[i], &difference);
  for (size_t i = 0; i < changeset->count; i++) {
    const struct changeset_item *item = &changeset->items[i];
    if (!sync_plan_find(plan, item->key) && changes_something(item->action))
      check_done(item, plan, &difference);
  }
  if (difference.count == 0) return true;
  return error_set(error, ERROR_REFUSED,
                   "the changeset does not fit any more: %s %s (%zu differ); plan again",
                   difference.key, difference.what, difference.count);
}

static bool is_same_change(const struct sync_change *a, const struct sync_change *b) {
  return a->action == b->action && !a->before == !b->before && !a->object == !b->object &&
         (!a->before || strcmp(a->before->etag, b->before->etag) == 0) &&
         (!a->object || strcmp(a->object->md5, b->object->md5) == 0);
}

/* The first key of `plan` whose change `other` does not have; NULL: there is none. */
static const char *find_difference(const struct sync_plan *plan, const struct sync_plan *other) {
  for (size_t i = 0; i < plan->count; i++) {
    const struct sync_change *change = &plan->changes[i];
    const struct sync_change *same = sync_plan_find(other, change->key);
    if (changes_something(sync_plan_action_name(change->action)) &&
        (!same || !is_same_change(change, same)))
      return change->key;
  }
  return NULL;
}

bool changeset_agrees(const struct sync_plan *shown, const struct sync_plan *now,
                      struct error *error) {
  assert(shown != now);
  const char *key = find_difference(now, shown);
  if (!key) key = find_difference(shown, now);
  return !key || error_set(error, ERROR_REFUSED,
                           "%s was changed in the bucket while the question waited; nothing was "
                           "changed, sync again",
                           key);
}
