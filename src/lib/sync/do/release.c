/* release.c: what a sync leaves behind for the next ones.
 *
 * Before the first page is written, the old contents that a rollback would need are copied to
 * .cruddur/pages/MD5, many at once. After the last object was written come the list of the release
 * and then the manifest: a release that the manifest names has its list. What is too old goes last.
 */
#include "lib/sync/do/release.h"

#include "lib/base/cleanup.h"
#include "lib/sync/do/release_list.h"
#include "lib/sync/do/release_manifest.h"
#include "lib/sync/do/remove.h"
#include "lib/sync/have/sync_state.h"
#include "lib/sync/keyed.h"
#include "lib/sync/sync_pool.h"

#include <stdlib.h>

/* --- The copies --- */

/* A content that is copied; the array of all of them belongs to release_keep_old(). */
struct release_copy {
  const char *md5; /* first, for keyed.h */
  const char *key;
  const char *etag; /* that the object must have */
  struct sync_pool *pool;
  size_t index; /* in the pool */
};

struct release_copies {
  const struct sync_place *place;
  struct sync_results *results;
  struct release_copy *copies;
};

/* What somebody else has deleted or changed by now cannot be kept, and must not stop a deploy. */
static void on_copied(const struct aws_response *response, void *argument) {
  struct release_copy *copy = argument;
  struct sync_pool *pool = copy->pool;
  bool gone = response->status == 404 || response->status == 412;
  if (gone)
    sync_session_notice(pool->session, "%s is not as it was: no copy of it is kept", copy->key);
  if (!response->error) ((struct release_copies *)pool->argument)->results->copied++;
  sync_pool_ended(pool, copy->index, 0, gone ? NULL : response->error);
}

static void start_copy(struct sync_pool *pool, size_t index) {
  const struct release_copies *all = pool->argument;
  struct release_copy *copy = &all->copies[index];
  struct sigv4_header headers[S3_HEADERS_LIMIT] = {
      {STR("content-type"), STR("application/octet-stream")},
      {STR("cache-control"), STR("no-store")}};
  struct s3_bucket bucket = place_bucket(all->place, 0);
  struct error error = {0};
  copy->pool = pool;
  copy->index = index;
  struct s3_copying request = {
      .from = copy->key,
      .etag = copy->etag,
      .key = place_copy_key(all->place, all->results->arena, copy->md5),
      .headers = headers,
      .header_count = place_storage_headers(&all->place->storage, true, true, headers, 2)};
  bool started = *request.key ? s3_copy(sync_session_client(pool->session), &bucket, &request,
                                        on_copied, copy, &error)
                              : error_set(&error, ERROR_MEMORY, "out of memory");
  if (started) return;
  sync_pool_ended(pool, index, 0, &error);
}

bool release_keep_old(const struct sync_session *session, const struct sync_plan *plan,
                      struct sync_results *results, struct error *error) {
  const struct sync_bucket *bucket = plan->bucket;
  struct release_copy *copies = arena_take(results->arena, plan->count * sizeof(*copies));
  size_t count = 0;
  if (!copies) return error_set(error, ERROR_MEMORY, "out of memory");
  for (size_t i = 0; i < plan->count; i++) {
    const struct sync_change *change = &plan->changes[i];
    if (!release_manifest_needs_copy(plan, change)) continue;
    const struct known_object *known = manifest_object(&bucket->manifest, change->key);
    if (!bucket_find(bucket, place_copy_key(&bucket->place, results->arena, known->md5)))
      copies[count++] =
          (struct release_copy){.md5 = known->md5, .key = change->key, .etag = known->etag};
  }
  struct release_copies all = {&bucket->place, results, copies};
  struct sync_pool pool = {.session = session,
                           .argument = &all,
                           .start = start_copy,
                           .count = keyed_sort_unique(copies, count, sizeof(copies[0])),
                           .progress = {.what = "keeping old pages"}};
  if (sync_pool_work(&pool)) return true;
  *error = pool.first_error;
  return error_prefix(error, "keeping what a rollback needs");
}

/* --- What is not needed any more --- */

/* `name` is that of one of the sync's own objects. */
static bool is_needed(const struct sync_plan *plan, const struct manifest *next, struct str name) {
  struct str pages = STR("pages/"), releases = STR("releases/");
  uint64_t number;
  if (str_starts_with(name, pages)) return manifest_blob(next, name.data + pages.length) != NULL;
  if (!str_starts_with(name, releases)) return true;
  struct str rest = {name.data + releases.length, name.length - releases.length};
  uint64_t oldest = manifest_oldest(next, plan->keep_releases, false);
  return str_cut_u64(&rest, oldest, next->sequence, &number);
}

static bool sweep(const struct sync_session *session, const struct sync_plan *plan,
                  const struct manifest *next, struct error *error) {
  const struct sync_bucket *bucket = plan->bucket;
  size_t count = 0;
  struct remove_counts ignored;
  _cleanup_free_ const char **keys = calloc(bucket->count + 1, sizeof(*keys));
  if (!keys) return error_set(error, ERROR_MEMORY, "out of memory");
  for (size_t i = 0; i < bucket->count; i++) {
    const char *key = bucket->objects[i].key;
    if (!place_is_state(&bucket->place, key)) continue;
    const char *name = place_below(&bucket->place, key) + strlen(SYNC_STATE_FOLDER);
    if (!is_needed(plan, next, str_from(name))) keys[count++] = key;
  }
  return count == 0 || remove_keys(session, &bucket->place, keys, count, &ignored, error);
}

/* --- The manifest --- */

static bool write_manifest(const struct sync_session *session, const struct sync_plan *plan,
                           const struct manifest *manifest, struct arena *arena,
                           struct error *error) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  const struct sync_place *place = &plan->bucket->place;
  manifest_write(manifest, &text);
  if (text.failed || arena->failed) return error_set(error, ERROR_MEMORY, "out of memory");
  return sync_state_put(session, place, place_state_key(place, arena, "manifest.json"),
                        buffer_str(&text), error);
}

bool release_learn(const struct sync_session *session, const struct sync_plan *plan,
                   struct arena *arena, struct error *error) {
  struct manifest next;
  if (!release_manifest_learn(plan, arena, &next))
    return error_set(error, ERROR_MEMORY, "out of memory");
  return write_manifest(session, plan, &next, arena, error);
}

/* True when a run that was cut off had come as far as its manifest, so that this run, which
 * finishes it, makes no release of its own. */
static bool is_released(const struct sync_plan *plan) {
  const struct manifest *manifest = &plan->bucket->manifest;
  const struct known_release *latest = manifest_release(manifest, manifest->sequence);
  return latest && strcmp(latest->id, plan->journal.id) == 0 && !sync_plan_has_changes(plan);
}

bool release_finish(const struct sync_session *session, const struct sync_plan *plan,
                    const struct sync_results *results, struct error *error) {
  struct manifest next;
  struct arena *arena = results->arena;
  if (is_released(plan)) return true;
  if (!release_manifest_make(plan, results, arena, &next))
    return error_set(error, ERROR_MEMORY, "out of memory");
  return release_list_write(session, &plan->bucket->place, plan->build, next.sequence, arena,
                            error) &&
         write_manifest(session, plan, &next, arena, error) && sweep(session, plan, &next, error);
}
