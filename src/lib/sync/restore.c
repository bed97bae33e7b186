/* restore.c: see restore.h. */
#include "lib/sync/restore.h"

#include "lib/base/cleanup.h"
#include "lib/sync/release.h"
#include "lib/sync/survey.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

uint64_t restore_default(const struct manifest *manifest) {
  const struct known_release *now = manifest_release(manifest, manifest->sequence);
  if (!now) return 0;
  uint64_t served = now->restored > 0 ? now->restored : now->number;
  for (size_t i = manifest->release_count; i-- > 0;) {
    const struct known_release *release = &manifest->releases[i];
    if (release->number < served && release->restored == 0) return release->number;
  }
  return 0;
}

/* --- The list of a release --- */

/* [key, md5, size, header…] */
static bool read_page(struct sync_run *run, const json_t *row, struct sync_object *object) {
  const char *key = json_string_value(json_array_get(row, 0));
  const char *md5 = json_string_value(json_array_get(row, 1));
  const json_t *size = json_array_get(row, 2);
  if (!key || !md5 || strlen(md5) != DIGEST_MD5_SIZE - 1 || !json_is_integer(size) ||
      json_integer_value(size) < 0 ||
      !str_starts_with(str_from(key), str_from(run->settings.prefix)))
    return false;
  *object = (struct sync_object){.key = arena_copy(&run->arena, str_from(key)),
                                 .path = "",
                                 .size = (uint64_t)json_integer_value(size),
                                 .class = SYNC_PAGE};
  memcpy(object->md5, md5, sizeof(object->md5));
  for (size_t i = 0; i < SYNC_HEADER_COUNT; i++) {
    const char *value = json_string_value(json_array_get(row, 3 + i));
    if (!value) return false;
    headers_set(&object->headers, i, arena_copy(&run->arena, str_from(value)));
  }
  return !run->arena.failed;
}

static int compare_objects(const void *a, const void *b) {
  return strcmp(((const struct sync_object *)a)->key, ((const struct sync_object *)b)->key);
}

static bool read_pages(struct sync_run *run, const json_t *pages, struct sync_build *build) {
  size_t count = json_array_size(pages);
  if (!json_is_array(pages)) return false;
  build->objects = calloc(count + 1, sizeof(struct sync_object));
  if (!build->objects) return false;
  build->capacity = count + 1;
  for (; build->count < count; build->count++)
    if (!read_page(run, json_array_get(pages, build->count), &build->objects[build->count]))
      return false;
  qsort(build->objects, build->count, sizeof(struct sync_object), compare_objects);
  return true;
}

bool release_pages(struct sync_run *run, uint64_t number, struct sync_build *ret_pages,
                   struct error *error) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  bool found = false;
  json_error_t problem;
  if (!run_get(run, release_list_key(run, number), RELEASE_SIZE_LIMIT, &text, &found, error))
    return false;
  if (!found)
    return error_set(error, ERROR_NOT_FOUND, "the pages of release %" PRIu64 " are not kept",
                     number);
  json_t *root = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &problem);
  struct sync_build pages = {0};
  bool read = root && read_pages(run, json_object_get(root, "pages"), &pages);
  json_decref(root);
  if (!read) {
    build_free(&pages);
    return error_set(error, ERROR_CONFLICT, "the list of release %" PRIu64 " cannot be read",
                     number);
  }
  *ret_pages = pages;
  return true;
}

/* --- The plan --- */

static bool check_copies(struct sync_run *run, struct error *error) {
  for (size_t i = 0; i < run->build.count; i++) {
    const struct sync_object *page = &run->build.objects[i];
    if (!remote_find(&run->remote, release_blob_key(run, page->md5)))
      return error_set(error, ERROR_CONFLICT, "the copy of the page %s is gone from the bucket",
                       page->key);
  }
  return true;
}

/* Pages of that release point to its assets: all of them must be there still. */
static bool check_assets(const struct sync_run *run, uint64_t number, struct error *error) {
  for (size_t i = 0; i < run->manifest.object_count; i++) {
    const struct known_object *known = &run->manifest.objects[i];
    bool needed = known->first <= number && number <= known->last && known->first > 0 &&
                  sync_plan_class_of_key(known->key) == SYNC_ASSET;
    if (needed && !remote_find(&run->remote, known->key))
      return error_set(error, ERROR_CONFLICT,
                       "the asset %s of release %" PRIu64 " is gone from the bucket", known->key,
                       number);
  }
  return true;
}

/* Of a plan that would make the bucket hold nothing but the pages, keeps what concerns pages. */
static bool keep_pages_only(struct sync_run *run, const struct sync_plan *whole,
                            const struct sync_build *served) {
  run->plan.managed = whole->managed;
  run->plan.counts[SYNC_NO_CHANGE] = whole->counts[SYNC_NO_CHANGE];
  for (size_t i = 0; i < whole->count; i++) {
    struct sync_change change = whole->changes[i];
    if (change.object && change.action != SYNC_HEADERS)
      change.copy_source = release_blob_key(run, change.object->md5);
    else if (!change.object && (change.action != SYNC_DELETE || !build_find(served, change.key)))
      continue;
    if (!change.object) change.class = SYNC_PAGE;
    if (!sync_plan_add(&run->plan, &change)) return false;
  }
  run->plan.upload_bytes = 0;
  return true;
}

bool restore_plan(struct sync_run *run, uint64_t number, struct error *error) {
  if (!manifest_release(&run->manifest, number))
    return error_set(error, ERROR_NOT_FOUND, "there is no release %" PRIu64, number);
  struct sync_build served = {0};
  if (!release_pages(run, number, &run->build, error) || !check_copies(run, error) ||
      !check_assets(run, number, error))
    return false;
  /* Without the list of what is served now, pages that came since stay. */
  struct error ignored = {0};
  release_pages(run, run->manifest.sequence, &served, &ignored);
  run->restored = number;
  bool planned = survey_plan(run, error);
  if (planned) {
    struct sync_plan whole = run->plan;
    run->plan = (struct sync_plan){0};
    planned =
        keep_pages_only(run, &whole, &served) || error_set(error, ERROR_MEMORY, "out of memory");
    sync_plan_free(&whole);
  }
  build_free(&served);
  return planned && survey_journal(run, error);
}
