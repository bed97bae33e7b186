/* restore.c: a rollback. */
#include "lib/sync/do/restore.h"

#include "lib/sync/do/release_list.h"

#include <assert.h>
#include <inttypes.h>

/* The release that the pages of release `number` come from: a rollback has those of an earlier one.
 */
static uint64_t original_of(const struct manifest *manifest, uint64_t number) {
  const struct known_release *release = manifest_release(manifest, number);
  while (release && release->restored > 0 && release->restored < release->number) {
    number = release->restored;
    release = manifest_release(manifest, number);
  }
  return number;
}

uint64_t restore_default(const struct sync_bucket *bucket) {
  const struct manifest *manifest = &bucket->manifest;
  const struct journal *earlier = &bucket->earlier;
  const struct known_release *latest = manifest_release(manifest, manifest->sequence);
  bool is_cut = bucket->has_earlier && (!latest || strcmp(latest->id, earlier->id) != 0);
  if (is_cut && manifest_release(manifest, earlier->restored)) return earlier->restored;
  if (is_cut) return manifest->sequence;
  uint64_t served = original_of(manifest, manifest->sequence), before = 0;
  for (size_t i = 0; i < manifest->release_count; i++)
    if (manifest->releases[i].number < served) before = manifest->releases[i].number;
  assert(before <= manifest->sequence);
  return before;
}

/* The pages of the release link to its assets: all of them must still be there. */
static bool check_assets(const struct sync_bucket *bucket, const struct sync_build *build,
                         uint64_t number, struct error *error) {
  size_t gone = 0;
  const char *first = NULL;
  for (size_t i = 0; i < build->needed_count; i++)
    if (!bucket_find(bucket, build->needed[i]) && gone++ == 0) first = build->needed[i];
  return gone == 0 ||
         error_set(error, ERROR_REFUSED,
                   "%zu assets that the pages of release %" PRIu64
                   " point to are gone from the bucket, %s for one; ship that build again",
                   gone, number, first);
}

bool restore_read(const struct sync_session *session, const struct sync_bucket *bucket,
                  uint64_t number, struct arena *arena, struct restore *ret_restore,
                  struct error *error) {
  const struct manifest *manifest = &bucket->manifest;
  struct restore restore = {.number = number};
  struct error ignored = {0};
  if (!manifest_release(manifest, number))
    return error_set(error, ERROR_REFUSED, "there is no release %" PRIu64, number);
  if (!release_list_read(session, &bucket->place, number, arena, &restore.build, error) ||
      !check_assets(bucket, &restore.build, number, error))
    return false;
  /* Without the list of what is served now, the pages that came since stay. */
  release_list_read(session, &bucket->place, manifest->sequence, arena, &restore.served, &ignored);
  *ret_restore = restore;
  return true;
}

/* --- The plan --- */

/* True when a rollback makes that change of the whole plan, which would make the bucket hold
 * nothing but the release. */
static bool is_wanted(const struct sync_change *change, const struct sync_build *served) {
  const struct sync_object *object = change->object;
  if (object) return object->class == SYNC_PAGE || change->action == SYNC_CREATE;
  if (change->action != SYNC_DELETE) return false;
  const struct sync_object *now = build_find(served, change->key);
  return now && now->class == SYNC_PAGE;
}

/* Sets where the change's object is copied from. A page without a copy cannot come back. Another
 * file may be gone without one when somebody else deleted it: `*ret_dropped` then, and it is told.
 */
static bool find_copy(const struct sync_session *session, const struct sync_bucket *bucket,
                      struct arena *arena, struct sync_change *change, bool *ret_dropped,
                      struct error *error) {
  change->copy_source = place_copy_key(&bucket->place, arena, change->object->md5);
  *ret_dropped = !bucket_find(bucket, change->copy_source);
  if (!*ret_dropped) return true;
  if (change->class == SYNC_PAGE)
    return error_set(error, ERROR_REFUSED,
                     "the copy of the page %s is gone from the bucket; ship that build again",
                     change->key);
  sync_session_notice(session, "%s is gone from the bucket, and no copy of it is kept",
                      change->key);
  return true;
}

bool restore_narrow(const struct restore *restore, const struct sync_session *session,
                    struct sync_plan *plan, struct arena *arena, struct error *error) {
  assert(plan->build == &restore->build && plan->restored == 0);
  struct sync_plan narrow = {.build = plan->build,
                             .bucket = plan->bucket,
                             .keep_releases = plan->keep_releases,
                             .restored = restore->number,
                             .counts[SYNC_NO_CHANGE] = plan->counts[SYNC_NO_CHANGE],
                             .managed = plan->managed};
  narrow.origin = plan->origin;
  const struct known_release *release = manifest_release(&plan->bucket->manifest, restore->number);
  if (release) narrow.origin.commit = release->origin.commit;
  for (size_t i = 0; i < plan->count; i++) {
    struct sync_change change = plan->changes[i];
    bool dropped = !is_wanted(&change, &restore->served);
    if (dropped) continue;
    if (!change.object) change.class = SYNC_PAGE;
    bool is_copied = change.object && change.action != SYNC_HEADERS;
    if (is_copied && !find_copy(session, plan->bucket, arena, &change, &dropped, error))
      return false;
    if (!dropped && !sync_plan_add(&narrow, arena, &change))
      return error_set(error, ERROR_MEMORY, "out of memory");
  }
  assert(narrow.upload_bytes == 0); /* a rollback copies */
  sync_plan_check(&narrow);
  *plan = narrow;
  return true;
}
