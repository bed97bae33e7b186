/* forget.c: takes every copy of a content out of the bucket.
 *
 * The journal comes first: it owes the invalidation. Then the objects go, their old versions, the
 * rows of the lists, and last what the manifest knows, so that a run that is cut off can be done
 * again as long as there is something left to find. */
#include "lib/sync/do/forget.h"

#include "lib/base/cleanup.h"
#include "lib/sync/do/purge.h"
#include "lib/sync/do/release_list.h"
#include "lib/sync/do/remove.h"
#include "lib/sync/have/sync_state.h"
#include "lib/sync/keyed.h"
#include "lib/sync/plan/paths.h"

#include <assert.h>
#include <inttypes.h>

struct forget_finder {
  const struct sync_session *session;
  struct arena *arena;
  struct forget *forget;
  struct error *error;
};

static bool is_among(const char *const *texts, size_t count, const char *text) {
  return keyed_find((void *)(uintptr_t)texts, count, sizeof(texts[0]), text) != NULL;
}

static bool is_key(const struct forget *forget, const char *key) {
  return is_among(forget->keys, forget->key_count, key);
}

/* --- What there is --- */

static bool read_lists(struct forget_finder *finder) {
  struct forget *forget = finder->forget;
  const struct sync_bucket *bucket = forget->bucket;
  struct str folder = STR(SYNC_STATE_FOLDER "releases/");
  forget->lists = arena_take(finder->arena, bucket->count * sizeof(forget->lists[0]));
  for (size_t i = 0; forget->lists && i < bucket->count; i++) {
    struct str name = str_from(place_below(&bucket->place, bucket->objects[i].key));
    if (!str_starts_with(name, folder)) continue;
    struct str rest = {name.data + folder.length, name.length - folder.length};
    struct forget_list *list = &forget->lists[forget->list_count];
    if (!str_cut_u64(&rest, 1, INT64_MAX, &list->number)) continue;
    if (!release_list_read(finder->session, &bucket->place, list->number, finder->arena,
                           &list->build, finder->error))
      return false;
    forget->list_count++;
  }
  return !finder->arena->failed || error_set(finder->error, ERROR_MEMORY, "out of memory");
}

static bool lists_need(const struct sync_build *build, const char *key) {
  for (size_t i = 0; i < build->needed_count; i++)
    if (strcmp(build->needed[i], key) == 0) return true;
  return build_find(build, key) != NULL;
}

static bool is_known(const struct forget *forget, const char *key) {
  if (bucket_find(forget->bucket, key) || manifest_object(&forget->bucket->manifest, key))
    return true;
  for (size_t i = 0; i < forget->list_count; i++)
    if (lists_need(&forget->lists[i].build, key)) return true;
  return false;
}

/* A path is the key, or the file whose key it is without ".html". */
static bool find_keys(struct forget_finder *finder, const char *const *paths, size_t count) {
  struct forget *forget = finder->forget;
  const struct sync_place *place = &forget->bucket->place;
  forget->keys = arena_take(finder->arena, 2 * count * sizeof(forget->keys[0]));
  for (size_t i = 0; forget->keys && i < count; i++) {
    const char *path = paths[i] + (paths[i][0] == '/');
    size_t before = forget->key_count;
    for (int strip = 0; strip <= 1; strip++) {
      _cleanup_(buffer_free) struct buffer full = BUFFER_EMPTY;
      buffer_append_format(&full, "%s%s", place->prefix, build_key(finder->arena, path, strip));
      const char *key = arena_copy(finder->arena, buffer_str(&full));
      if (!place_is_state(place, key) && is_known(forget, key))
        forget->keys[forget->key_count++] = key;
    }
    if (forget->key_count == before)
      return error_set(finder->error, ERROR_REFUSED,
                       "%s: the bucket does not have it, and no release that is kept had it",
                       paths[i]);
  }
  if (finder->arena->failed) return error_set(finder->error, ERROR_MEMORY, "out of memory");
  forget->key_count = keyed_sort_unique(forget->keys, forget->key_count, sizeof(forget->keys[0]));
  return true;
}

/* --- What goes --- */

static void add_md5(struct forget_finder *finder, const char *md5) {
  struct forget *forget = finder->forget;
  if (strlen(md5) != DIGEST_MD5_SIZE - 1) return;
  const char **md5s = arena_grow(finder->arena, forget->md5s, forget->md5_count,
                                 &forget->md5_capacity, sizeof(*md5s));
  if (!md5s) return;
  forget->md5s = md5s;
  forget->md5s[forget->md5_count++] = md5;
}

static void find_contents(struct forget_finder *finder) {
  struct forget *forget = finder->forget;
  for (size_t i = 0; i < forget->key_count; i++) {
    const char *key = forget->keys[i];
    const struct known_object *known = manifest_object(&forget->bucket->manifest, key);
    const struct bucket_object *held = bucket_find(forget->bucket, key);
    if (known) add_md5(finder, known->md5);
    if (held) add_md5(finder, held->etag);
    for (size_t j = 0; j < forget->list_count; j++) {
      const struct sync_object *object = build_find(&forget->lists[j].build, key);
      if (object) add_md5(finder, object->md5);
    }
  }
  forget->md5_count = keyed_sort_unique(forget->md5s, forget->md5_count, sizeof(forget->md5s[0]));
}

static void add_loss(struct forget_finder *finder, const char *key, uint64_t release,
                     bool is_shared) {
  struct forget *forget = finder->forget;
  struct forget_loss *losses = arena_grow(finder->arena, forget->losses, forget->loss_count,
                                          &forget->loss_capacity, sizeof(*losses));
  if (!losses) return;
  forget->losses = losses;
  forget->losses[forget->loss_count++] = (struct forget_loss){key, release, is_shared};
}

static void find_losses(struct forget_finder *finder) {
  struct forget *forget = finder->forget;
  for (size_t i = 0; i < forget->list_count; i++) {
    struct forget_list *list = &forget->lists[i];
    const struct sync_build *build = &list->build;
    for (size_t j = 0; j < forget->key_count; j++)
      if (lists_need(build, forget->keys[j])) {
        list->has_key = true;
        add_loss(finder, forget->keys[j], list->number, false);
      }
    for (size_t j = 0; j < build->count; j++)
      if (!is_key(forget, build->objects[j].key) &&
          is_among(forget->md5s, forget->md5_count, build->objects[j].md5))
        add_loss(finder, build->objects[j].key, list->number, true);
  }
}

static void find_doomed(struct forget_finder *finder) {
  struct forget *forget = finder->forget;
  const struct sync_bucket *bucket = forget->bucket;
  size_t room = forget->key_count + forget->md5_count;
  assert(!keyed_double(forget->keys, forget->key_count, sizeof(forget->keys[0])));
  forget->doomed = arena_take(finder->arena, room * sizeof(forget->doomed[0]));
  for (size_t i = 0; forget->doomed && i < forget->key_count; i++)
    if (bucket_find(bucket, forget->keys[i]))
      forget->doomed[forget->doomed_count++] = forget->keys[i];
  for (size_t i = 0; forget->doomed && forget->md5s && i < forget->md5_count; i++) {
    const char *copy = place_copy_key(&bucket->place, finder->arena, forget->md5s[i]);
    if (bucket_find(bucket, copy)) forget->doomed[forget->doomed_count++] = copy;
  }
}

bool forget_find(const struct sync_session *session, const struct sync_bucket *bucket,
                 const char *const *paths, size_t count, struct arena *arena,
                 struct forget *ret_forget, struct error *error) {
  struct forget forget = {.bucket = bucket};
  struct forget_finder finder = {session, arena, &forget, error};
  if (bucket->has_earlier)
    return error_set(error, ERROR_REFUSED,
                     "an earlier run was cut off: let 'cruddur sync' finish it first");
  if (!read_lists(&finder) || !find_keys(&finder, paths, count)) return false;
  find_contents(&finder);
  find_losses(&finder);
  find_doomed(&finder);
  if (arena->failed) return error_set(error, ERROR_MEMORY, "out of memory");
  *ret_forget = forget;
  return true;
}

/* --- Old versions --- */

struct forget_versions {
  const struct sync_session *session;
  struct s3_bucket bucket;
  const char *key;
  struct arena *arena;
  const char **ids;
  size_t count, capacity;
};

static bool on_version(struct str id, void *argument) {
  struct forget_versions *versions = argument;
  const char **ids = arena_grow(versions->arena, versions->ids, versions->count,
                                &versions->capacity, sizeof(*ids));
  if (!ids) return false;
  versions->ids = ids;
  versions->ids[versions->count++] = arena_copy(versions->arena, id);
  return !versions->arena->failed;
}

static bool remove_versions_of(const struct sync_session *session, const struct sync_place *place,
                               const char *key, struct arena *arena, struct error *error) {
  struct forget_versions versions = {
      .session = session, .bucket = place_bucket(place, 0), .key = key, .arena = arena};
  if (!s3_versions(session->aws, &versions.bucket, key, on_version, &versions, error))
    return error_prefix(error,
                        "old versions of %s may be left (this needs the right "
                        "s3:ListBucketVersions)",
                        key);
  for (size_t i = 0; i < versions.count; i++)
    if (!s3_versions_delete(session->aws, &versions.bucket, key, versions.ids[i], error))
      return error_prefix(error,
                          "an old version of %s is left (this needs the right "
                          "s3:DeleteObjectVersion)",
                          key);
  return true;
}

/* Every object and copy that may have one, those that were deleted long ago among them. */
static bool remove_versions(const struct sync_session *session, const struct forget *forget,
                            struct arena *arena, struct error *error) {
  const struct sync_place *place = &forget->bucket->place;
  for (size_t i = 0; i < forget->key_count; i++)
    if (!remove_versions_of(session, place, forget->keys[i], arena, error)) return false;
  for (size_t i = 0; i < forget->md5_count; i++)
    if (!remove_versions_of(session, place, place_copy_key(place, arena, forget->md5s[i]), arena,
                            error))
      return false;
  return true;
}

/* --- What is left --- */

/* The list without the keys. */
static bool write_list(const struct sync_session *session, const struct forget *forget,
                       const struct forget_list *list, struct arena *arena, struct error *error) {
  struct sync_build rest = list->build;
  rest.objects = arena_take(arena, (rest.count + 1) * sizeof(rest.objects[0]));
  rest.needed = arena_take(arena, (rest.needed_count + 1) * sizeof(rest.needed[0]));
  if (!rest.objects || !rest.needed) return error_set(error, ERROR_MEMORY, "out of memory");
  rest.count = rest.needed_count = 0;
  for (size_t i = 0; i < list->build.count; i++)
    if (!is_key(forget, list->build.objects[i].key))
      rest.objects[rest.count++] = list->build.objects[i];
  for (size_t i = 0; i < list->build.needed_count; i++)
    if (!is_key(forget, list->build.needed[i]))
      rest.needed[rest.needed_count++] = list->build.needed[i];
  return release_list_write(session, &forget->bucket->place, &rest, list->number, arena, error);
}

static bool write_manifest(const struct sync_session *session, const struct forget *forget,
                           struct arena *arena, struct error *error) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  const struct sync_place *place = &forget->bucket->place;
  struct manifest next = forget->bucket->manifest;
  const struct manifest *before = &forget->bucket->manifest;
  if (before->sequence == 0 && before->object_count == 0) return true;
  next.objects = arena_take(arena, (before->object_count + 1) * sizeof(next.objects[0]));
  next.blobs = arena_take(arena, (before->blob_count + 1) * sizeof(next.blobs[0]));
  if (!next.objects || !next.blobs) return error_set(error, ERROR_MEMORY, "out of memory");
  next.object_count = next.blob_count = 0;
  for (size_t i = 0; i < before->object_count; i++)
    if (!is_key(forget, before->objects[i].key))
      next.objects[next.object_count++] = before->objects[i];
  for (size_t i = 0; i < before->blob_count; i++)
    if (!is_among(forget->md5s, forget->md5_count, before->blobs[i].md5))
      next.blobs[next.blob_count++] = before->blobs[i];
  manifest_write(&next, &text);
  if (text.failed) return error_set(error, ERROR_MEMORY, "out of memory");
  return sync_state_put(session, place, place_state_key(place, arena, "manifest.json"),
                        buffer_str(&text), error);
}

/* --- The journal --- */

static bool make_journal(const struct forget *forget, const char *id, bool origin_is_prefix,
                         struct arena *arena, struct journal *ret_journal) {
  const struct sync_place *place = &forget->bucket->place;
  struct journal journal = {.id = id, .target = "forget"};
  struct paths_key *keys = arena_take(arena, (forget->key_count + 1) * sizeof(keys[0]));
  if (!keys) return false;
  for (size_t i = 0; i < forget->key_count; i++) {
    const char *key = forget->keys[i];
    keys[i] = (struct paths_key){origin_is_prefix ? place_below(place, key) : key, true};
  }
  keys[forget->key_count] = (struct paths_key){"", false}; /* so that no folder is a wildcard */
  *ret_journal = journal;
  return paths_plan(keys, forget->key_count, arena, &ret_journal->deleted);
}

static bool write_journal(const struct sync_session *session, const struct forget *forget,
                          const struct journal *journal, struct arena *arena, struct error *error) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  const struct sync_place *place = &forget->bucket->place;
  journal_write(journal, &text);
  if (text.failed) return error_set(error, ERROR_MEMORY, "out of memory");
  return sync_state_put(session, place, place_state_key(place, arena, "journal.json"),
                        buffer_str(&text), error);
}

/* What the bucket says of itself, without what was removed. */
static bool write_state(const struct sync_session *session, const struct forget *forget,
                        struct arena *arena, struct error *error) {
  for (size_t i = 0; i < forget->list_count; i++)
    if (forget->lists[i].has_key && !write_list(session, forget, &forget->lists[i], arena, error))
      return false;
  return write_manifest(session, forget, arena, error);
}

/* --- All of it --- */

bool forget_apply(const struct sync_session *session, const struct forget *forget,
                  const char *distribution, const char *id, bool origin_is_prefix, bool wait,
                  struct sync_results *results, struct error *error) {
  struct arena *arena = results->arena;
  const struct sync_place *place = &forget->bucket->place;
  const char *journal_key = place_state_key(place, arena, "journal.json");
  struct remove_counts counts = {0};
  struct journal journal;
  struct error versions = {0};
  *results = (struct sync_results){.arena = arena};
  assert(forget->key_count > 0 && !forget->bucket->has_earlier);
  assert(*id && forget->doomed_count <= forget->key_count + forget->md5_count);
  if (!make_journal(forget, id, origin_is_prefix, arena, &journal))
    return error_set(error, ERROR_MEMORY, "out of memory");
  if (!write_journal(session, forget, &journal, arena, error)) return false;
  results->started = true;
  bool removed = forget->doomed_count == 0 ||
                 remove_keys(session, place, forget->doomed, forget->doomed_count, &counts, error);
  results->deleted = counts.deleted;
  results->failed = counts.failed;
  if (!removed) return false;
  if (!remove_versions(session, forget, arena, &versions))
    sync_session_notice(session, "%s", versions.message);
  if (!write_state(session, forget, arena, error) ||
      !purge_paths(session, distribution, &journal.deleted, id, wait, results, error) ||
      !remove_keys(session, place, &journal_key, 1, &counts, error))
    return false;
  return versions.kind == ERROR_NONE ||
         error_set(error, ERROR_PARTLY,
                   "the bucket may keep old versions; give that right and "
                   "forget again");
}
