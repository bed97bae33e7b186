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

/* Pages that no copy is kept of cannot come back. Another file may be gone and without a copy when
 * somebody else deleted it: that is told, and drops it. */
static bool check_copies(struct sync_run *run, struct error *error) {
  size_t kept = 0, all = run->build.count;
  run->build.count = 0;
  for (size_t i = 0; i < all; i++) {
    const struct sync_object object = run->build.objects[i];
    bool has_copy = remote_find(&run->remote, release_blob_key(run, object.md5));
    if (object.class == SYNC_PAGE && !has_copy)
      return error_set(error, ERROR_CONFLICT, "the copy of the page %s is gone from the bucket",
                       object.key);
    if (has_copy || remote_find(&run->remote, object.key))
      run->build.objects[kept++] = object;
    else
      run_notice(run, "%s is gone from the bucket, and no copy of it is kept", object.key);
  }
  run->build.count = kept;
  return true;
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

static bool keep_wanted(struct sync_run *run, const struct sync_plan *whole,
                        const struct sync_build *served) {
  run->plan.managed = whole->managed;
  run->plan.counts[SYNC_NO_CHANGE] = whole->counts[SYNC_NO_CHANGE];
  for (size_t i = 0; i < whole->count; i++) {
    struct sync_change change = whole->changes[i];
    if (!is_wanted(&change, served)) continue;
    if (!change.object) change.class = SYNC_PAGE;
    if (change.object && change.action != SYNC_HEADERS)
      change.copy_source = release_blob_key(run, change.object->md5);
    if (!sync_plan_add(&run->plan, &change)) return false;
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
  if (!check_assets(run, number, error) || !check_copies(run, error)) return false;
  /* Without the list of what is served now, pages that came since stay. */
  struct error ignored = {0};
  release_list_read(run, run->manifest.sequence, &served, &ignored);
  run->restored = number;
  bool planned = survey_plan(run, error);
  if (planned) {
    struct sync_plan whole = run->plan;
    run->plan = (struct sync_plan){0};
    planned = keep_wanted(run, &whole, &served) || error_set(error, ERROR_MEMORY, "out of memory");
    sync_plan_free(&whole);
  }
  build_free(&served);
  return planned && survey_journal(run, error);
}
