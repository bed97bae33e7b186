/* restore.c: see restore.h. */
#include "lib/sync/restore.h"

#include "lib/sync/release.h"
#include "lib/sync/release_list.h"
#include "lib/sync/survey.h"

#include <inttypes.h>
#include <stdlib.h>

/* What the pages of release `number` are really of: a rollback's are of an earlier one. */
static uint64_t original_of(const struct manifest *manifest, uint64_t number) {
  const struct known_release *release = manifest_release(manifest, number);
  while (release && release->restored > 0 && release->restored < release->number) {
    number = release->restored;
    release = manifest_release(manifest, number);
  }
  return number;
}

uint64_t restore_default(const struct manifest *manifest) {
  uint64_t served = original_of(manifest, manifest->sequence), before = 0;
  for (size_t i = 0; i < manifest->release_count; i++)
    if (manifest->releases[i].number < served) before = manifest->releases[i].number;
  return before;
}

/* --- What the release needs --- */

/* Takes the assets out of run->build, which are only needed, into run->restored_assets. */
static bool set_assets_apart(struct sync_run *run) {
  struct sync_build *build = &run->build;
  size_t kept = 0;
  run->restored_assets = arena_take(&run->arena, (build->count + 1) * sizeof(const char *));
  if (!run->restored_assets) return false;
  for (size_t i = 0; i < build->count; i++) {
    if (build->objects[i].class == SYNC_ASSET)
      run->restored_assets[run->restored_asset_count++] = build->objects[i].key;
    else
      build->objects[kept++] = build->objects[i];
  }
  build->count = kept;
  return true;
}

/* Pages of that release point to its assets: all of them must be there still. */
static bool check_assets(const struct sync_run *run, uint64_t number, struct error *error) {
  size_t gone = 0;
  const char *first = NULL;
  for (size_t i = 0; i < run->restored_asset_count; i++)
    if (!remote_find(&run->remote, run->restored_assets[i]) && gone++ == 0)
      first = run->restored_assets[i];
  return gone == 0 ||
         error_set(error, ERROR_CONFLICT,
                   "%zu assets that the pages of release %" PRIu64
                   " point to are gone from the bucket, %s for one; ship that build again",
                   gone, number, first);
}

/* --- The plan --- */

/* Whether a rollback makes that change of a plan that would make the bucket hold nothing but the
 * release: it changes pages, and of other files brings back those that are gone. */
static bool is_wanted(const struct sync_change *change, const struct sync_build *served) {
  const struct sync_object *object = change->object;
  if (object) return object->class == SYNC_PAGE || change->action == SYNC_CREATE;
  if (change->action != SYNC_DELETE) return false;
  const struct sync_object *now = build_find(served, change->key);
  return now && now->class == SYNC_PAGE;
}

/* Sets where the change's object is copied from. A page without a copy cannot come back; another
 * file may be gone without one when somebody else deleted it: that is told, and drops the change.
 */
static bool find_copy(struct sync_run *run, struct sync_change *change, bool *ret_dropped,
                      struct error *error) {
  const char *copy = release_blob_key(run, change->object->md5);
  bool found = remote_find(&run->remote, copy);
  change->copy_source = copy;
  *ret_dropped = !found;
  if (!found && change->class == SYNC_PAGE)
    return error_set(error, ERROR_CONFLICT,
                     "the copy of the page %s is gone from the bucket; ship that build again",
                     change->key);
  if (!found) run_notice(run, "%s is gone from the bucket, and no copy of it is kept", change->key);
  return true;
}

static bool keep_wanted(struct sync_run *run, const struct sync_plan *whole,
                        const struct sync_build *served, struct error *error) {
  run->plan.managed = whole->managed;
  run->plan.counts[SYNC_NO_CHANGE] = whole->counts[SYNC_NO_CHANGE];
  for (size_t i = 0; i < whole->count; i++) {
    struct sync_change change = whole->changes[i];
    bool dropped = !is_wanted(&change, served);
    if (dropped) continue;
    if (!change.object) change.class = SYNC_PAGE;
    bool is_copied = change.object && change.action != SYNC_HEADERS;
    if (is_copied && !find_copy(run, &change, &dropped, error)) return false;
    if (!dropped && !sync_plan_add(&run->plan, &change))
      return error_set(error, ERROR_MEMORY, "out of memory");
  }
  run->plan.upload_bytes = 0;
  return true;
}

bool restore_plan(struct sync_run *run, uint64_t number, struct error *error) {
  if (!manifest_release(&run->manifest, number))
    return error_set(error, ERROR_NOT_FOUND, "there is no release %" PRIu64, number);
  struct sync_build served = {0};
  if (!release_list_read(run, number, &run->build, error)) return false;
  if (!set_assets_apart(run)) return error_set(error, ERROR_MEMORY, "out of memory");
  if (!check_assets(run, number, error)) return false;
  /* Without the list of what is served now, pages that came since stay. */
  struct error ignored = {0};
  release_list_read(run, run->manifest.sequence, &served, &ignored);
  run->restored = number;
  bool planned = survey_plan(run, error);
  if (planned) {
    struct sync_plan whole = run->plan;
    run->plan = (struct sync_plan){0};
    planned = keep_wanted(run, &whole, &served, error);
    sync_plan_free(&whole);
  }
  build_free(&served);
  return planned && survey_journal(run, error);
}
