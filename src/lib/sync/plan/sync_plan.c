/* sync_plan.c: what has to change so that the bucket holds the build.
 *
 * Three passes: the objects of the build are compared with the bucket; then the keys that only the
 * bucket has, but for hashed assets, are kept out or deleted; then the assets, whose age depends on
 * whether the passes before found a change. The result is sorted by key and checked. Nothing is
 * written and nobody is asked: everything that matters was read before. */
#include "lib/sync/plan/sync_plan.h"

#include "lib/sync/keyed.h"
#include "lib/sync/want/hashed.h"
#include "lib/sync/want/mime.h"
#include "lib/sync/want/preview.h"

#include <assert.h>

enum { SECONDS_A_DAY = 24 * 60 * 60 };

struct sync_planner {
  const struct sync_build *build;
  const struct sync_bucket *bucket;
  const struct sync_plan_options *options;
  struct arena *arena;
  struct sync_plan plan;
  uint64_t next;           /* the number of the release that this plan makes, or confirms */
  const char **neighbours; /* manifests of syncs in folders below the prefix */
  size_t neighbour_count, neighbour_capacity;
  const struct bucket_object **previews; /* the own objects of previews' syncs */
  size_t preview_count;
};

const char *sync_plan_action_name(enum sync_action action) {
  static const char *const NAMES[SYNC_ACTIONS] = {"create", "update", "headers", "delete",
                                                  "keep",   "ignore", "foreign", "no_change"};
  assert(action < SYNC_ACTIONS);
  return NAMES[action];
}

bool sync_plan_has_changes(const struct sync_plan *plan) {
  const size_t *counts = plan->counts;
  return counts[SYNC_CREATE] + counts[SYNC_UPDATE] + counts[SYNC_HEADERS] + counts[SYNC_DELETE] > 0;
}

bool sync_plan_has_work(const struct sync_plan *plan) {
  return sync_plan_has_changes(plan) || plan->bucket->has_earlier;
}

bool sync_plan_add(struct sync_plan *plan, struct arena *arena, const struct sync_change *change) {
  plan->counts[change->action]++;
  if (change->action == SYNC_NO_CHANGE) return true;
  bool is_upload = change->action == SYNC_CREATE || change->action == SYNC_UPDATE;
  if (is_upload && !change->copy_source) plan->upload_bytes += change->object->size;
  struct sync_change *changes =
      arena_grow(arena, plan->changes, plan->count, &plan->capacity, sizeof(*changes));
  if (!changes) return false;
  plan->changes = changes;
  plan->changes[plan->count++] = *change;
  return true;
}

const struct sync_change *sync_plan_find(const struct sync_plan *plan, const char *key) {
  return keyed_find(plan->changes, plan->count, sizeof(plan->changes[0]), key);
}

/* --- What is the same --- */

/* The list tells an ETag that is the content's MD5, unless the object is encrypted or was uploaded
 * in parts. Then the checksum counts that an upload of ours noted beside the object. */
static bool is_same_content(const struct sync_object *object, const struct bucket_object *before,
                            const struct known_object *known) {
  if (object->size != before->size) return false;
  if (bucket_object_is_known(before, known)) return strcmp(known->md5, object->md5) == 0;
  bool is_checksum = strlen(before->etag) == DIGEST_MD5_SIZE - 1 && !before->encrypted;
  return strcmp(is_checksum ? before->etag : before->stored_md5, object->md5) == 0;
}

static bool has_same_headers(const struct sync_object *object, const struct bucket_object *before,
                             const struct known_object *known) {
  char digest[DIGEST_SHORT_SIZE];
  if (!bucket_object_is_known(before, known))
    return object_headers_equal(&object->headers, &before->headers);
  object_headers_digest(&object->headers, digest);
  return strcmp(digest, known->headers_digest) == 0;
}

/* True when the object is what a sync of ours wrote, or found equal to its build: the manifest says
 * so, or the journal of a run that was cut off before its manifest. Nothing else is ours to delete.
 */
static bool is_ours(const struct sync_bucket *bucket, const struct bucket_object *object) {
  const struct known_object *known = manifest_object(&bucket->manifest, object->key);
  if (known && *known->md5 && strcmp(known->etag, object->etag) == 0) return true;
  const struct journal_write *write = journal_find(&bucket->earlier, object->key);
  return write && strcmp(write->before, object->etag) != 0;
}

static bool compare_object(struct sync_planner *planner, const struct sync_object *object) {
  const struct bucket_object *before = bucket_find(planner->bucket, object->key);
  struct sync_change change = {
      .key = object->key, .class = object->class, .object = object, .before = before};
  if (!before) {
    change.action = SYNC_CREATE;
  } else {
    const struct known_object *known = manifest_object(&planner->bucket->manifest, object->key);
    change.foreign = !is_ours(planner->bucket, before);
    planner->plan.managed += change.class != SYNC_ASSET;
    if (!is_same_content(object, before, known))
      change.action = SYNC_UPDATE;
    else
      change.action = has_same_headers(object, before, known) ? SYNC_NO_CHANGE : SYNC_HEADERS;
  }
  return sync_plan_add(&planner->plan, planner->arena, &change);
}

/* --- What is only in the bucket --- */

static enum sync_class class_of_plain(const char *key) {
  const char *slash = strrchr(key, '/');
  bool has_dot = strchr(slash ? slash + 1 : key, '.') != NULL;
  bool is_html = str_starts_with(str_from(mime_type(str_from(key))), STR("text/html"));
  return is_html || !has_dot ? SYNC_PAGE : SYNC_REST;
}

enum sync_class sync_plan_class_of_key(const struct sync_bucket *bucket, const char *key) {
  const struct known_object *known = manifest_object(&bucket->manifest, key);
  struct str below = str_from(place_below(&bucket->place, key));
  bool is_asset = known && known->kind != KNOWN_BY_NAME
                      ? known->kind == KNOWN_ASSET
                      : hashed_name(below) && !hashed_never(below);
  return is_asset ? SYNC_ASSET : class_of_plain(key);
}

/* The rules say what is hashed in the build, and so what was hashed when it was in a build of which
 * the manifest does not say it. */
static enum sync_class class_of(const struct sync_planner *planner, const char *key) {
  const struct sync_rules *rules = planner->options->rules;
  const struct known_object *known = manifest_object(&planner->bucket->manifest, key);
  enum sync_class class = sync_plan_class_of_key(planner->bucket, key);
  bool is_told = known && known->kind != KNOWN_BY_NAME;
  if (is_told || !rules || !rules->first || class == SYNC_PAGE) return class;
  struct str below = str_from(place_below(&planner->bucket->place, key));
  struct sync_traits traits = rules_traits(rules, below, false);
  return traits.class == SYNC_PAGE ? class : traits.class;
}

/* An asset that no release is known to have, of a run that was cut off, counts as one of the latest
 * release. */
static bool is_within_grace(const struct sync_planner *planner, const char *key) {
  const struct sync_plan_options *options = planner->options;
  const struct manifest *manifest = &planner->bucket->manifest;
  const struct known_object *known = manifest_object(manifest, key);
  uint64_t last = known && known->last > 0 ? known->last : manifest->sequence;
  if (options->keep_releases == 0 && options->keep_days == 0) return false;
  bool has_new = planner->next > manifest->sequence;
  if (last >= manifest_oldest(manifest, options->keep_releases, has_new)) return true;
  if (options->keep_days == 0) return false;
  const struct known_release *replaced_by = manifest_release(manifest, last + 1);
  int64_t replaced_s = replaced_by                 ? replaced_by->created_s
                       : last + 1 == planner->next ? options->now_s
                                                   : 0;
  return options->now_s - replaced_s < options->keep_days * SECONDS_A_DAY;
}

/* A folder below the prefix with a manifest of its own belongs to another sync. */
static bool find_neighbours(struct sync_planner *planner) {
  const struct sync_bucket *bucket = planner->bucket;
  struct str ending = STR("/" SYNC_STATE_FOLDER "manifest.json");
  for (size_t i = 0; i < bucket->count; i++) {
    struct str key = str_from(bucket->objects[i].key);
    if (key.length <= ending.length + strlen(bucket->place.prefix) ||
        memcmp(key.data + key.length - ending.length, ending.data, ending.length) != 0)
      continue;
    const char **neighbours =
        arena_grow(planner->arena, planner->neighbours, planner->neighbour_count,
                   &planner->neighbour_capacity, sizeof(*neighbours));
    if (!neighbours) return false;
    planner->neighbours = neighbours;
    planner->neighbours[planner->neighbour_count++] = key.data;
  }
  return true;
}

static bool belongs_to_neighbour(const struct sync_planner *planner, const char *key) {
  for (size_t i = 0; i < planner->neighbour_count; i++) {
    struct str folder = str_from(planner->neighbours[i]);
    folder.length -= strlen(SYNC_STATE_FOLDER "manifest.json");
    if (str_starts_with(str_from(key), folder)) return true;
  }
  return false;
}

/* When something of the sync of a preview was written last: of a folder with its own .cruddur/. 0:
 * `key` is in no preview. */
static int64_t preview_touched_s(const struct sync_planner *planner, const char *key) {
  const struct sync_bucket *bucket = planner->bucket;
  const char *below = place_below(&bucket->place, key);
  size_t length = preview_folder_length(below), state = strlen(SYNC_STATE_FOLDER);
  int64_t touched_s = 0;
  for (size_t i = 0; length > 0 && i < planner->preview_count; i++) {
    const struct bucket_object *object = planner->previews[i];
    const char *own = place_below(&bucket->place, object->key);
    if (strncmp(own, below, length) == 0 && strncmp(own + length, SYNC_STATE_FOLDER, state) == 0 &&
        object->modified_s > touched_s)
      touched_s = object->modified_s;
  }
  return touched_s;
}

static bool is_expired(const struct sync_planner *planner, const char *key) {
  const struct sync_plan_options *options = planner->options;
  int64_t touched_s = preview_touched_s(planner, key);
  return touched_s > 0 && options->now_s - touched_s > options->preview_days * SECONDS_A_DAY;
}

/* What the syncs of previews keep for themselves. */
static bool find_previews(struct sync_planner *planner) {
  const struct sync_bucket *bucket = planner->bucket;
  size_t capacity = 0;
  for (size_t i = 0; i < bucket->count; i++) {
    const char *below = place_below(&bucket->place, bucket->objects[i].key);
    size_t length = preview_folder_length(below);
    if (length == 0 || strncmp(below + length, SYNC_STATE_FOLDER, strlen(SYNC_STATE_FOLDER)) != 0)
      continue;
    const struct bucket_object **previews = arena_grow(
        planner->arena, planner->previews, planner->preview_count, &capacity, sizeof(*previews));
    if (!previews) return false;
    planner->previews = previews;
    planner->previews[planner->preview_count++] = &bucket->objects[i];
  }
  return true;
}

static bool is_ignored(const struct sync_planner *planner, const char *key) {
  const struct sync_build *build = planner->build;
  if (build_ignores(&planner->options->ignore, place_below(&planner->bucket->place, key)))
    return true;
  return keyed_find(build->ignored, build->ignored_count, sizeof(build->ignored[0]), key) != NULL;
}

static bool add_bucket_only(struct sync_planner *planner, const struct bucket_object *before,
                            enum sync_class class) {
  struct sync_change change = {.key = before->key,
                               .class = class,
                               .before = before,
                               .foreign = !is_ours(planner->bucket, before)};
  if (is_expired(planner, before->key)) {
    /* The pages go first and what tells of the preview last, so that a run that is cut off can be
     * finished. */
    const char *below = place_below(&planner->bucket->place, before->key);
    const char *rest = below + preview_folder_length(below);
    bool is_state = str_starts_with(str_from(rest), STR(SYNC_STATE_FOLDER));
    change.class = is_state ? SYNC_REST : SYNC_PAGE;
    change.expired = true;
    change.action = SYNC_DELETE;
  } else if (is_ignored(planner, before->key) || belongs_to_neighbour(planner, before->key)) {
    change.action = SYNC_IGNORE;
  } else if (change.foreign && !planner->options->delete_foreign) {
    change.action = SYNC_FOREIGN;
  } else {
    planner->plan.managed += class != SYNC_ASSET || change.foreign;
    bool kept = class == SYNC_ASSET && !change.foreign && is_within_grace(planner, before->key);
    change.action = kept ? SYNC_KEEP : SYNC_DELETE;
  }
  return sync_plan_add(&planner->plan, planner->arena, &change);
}

/* The objects that only the bucket has: the assets, or all others. */
static bool compare_bucket_only(struct sync_planner *planner, bool assets) {
  const struct sync_bucket *bucket = planner->bucket;
  for (size_t i = 0; i < bucket->count; i++) {
    const struct bucket_object *before = &bucket->objects[i];
    enum sync_class class = class_of(planner, before->key);
    if ((class == SYNC_ASSET) == assets && !build_find(planner->build, before->key) &&
        !place_is_state(&bucket->place, before->key) && !add_bucket_only(planner, before, class))
      return false;
  }
  return true;
}

/* The plan also shows what the ignore list keeps out of the bucket. */
static bool add_ignored(struct sync_planner *planner) {
  const struct sync_build *build = planner->build;
  for (size_t i = 0; i < build->ignored_count; i++) {
    struct sync_change change = {.action = SYNC_IGNORE, .key = build->ignored[i]};
    change.class = sync_plan_class_of_key(planner->bucket, change.key);
    if (build_find(build, change.key) || bucket_find(planner->bucket, change.key)) continue;
    if (!sync_plan_add(&planner->plan, planner->arena, &change)) return false;
  }
  return true;
}

/* The assets come last: a plan that changes nothing else makes no release, and the assets of
 * earlier releases do not grow older by it. */
static bool compare_all(struct sync_planner *planner) {
  const struct sync_build *build = planner->build;
  if (!find_neighbours(planner) || !find_previews(planner)) return false;
  for (size_t i = 0; i < build->count; i++)
    if (!compare_object(planner, &build->objects[i])) return false;
  if (!add_ignored(planner) || !compare_bucket_only(planner, false)) return false;
  planner->next = planner->bucket->manifest.sequence;
  if (sync_plan_has_changes(&planner->plan)) planner->next++;
  return compare_bucket_only(planner, true);
}

bool sync_plan_make(const struct sync_build *build, const struct sync_bucket *bucket,
                    const struct sync_plan_options *options, struct arena *arena,
                    struct sync_plan *ret_plan, struct error *error) {
  struct sync_planner planner = {.build = build,
                                 .bucket = bucket,
                                 .options = options,
                                 .arena = arena,
                                 .plan = {.build = build,
                                          .bucket = bucket,
                                          .keep_releases = options->keep_releases,
                                          .origin = options->origin}};
  struct sync_plan *plan = &planner.plan;
  if (!compare_all(&planner)) return error_set(error, ERROR_MEMORY, "out of memory");
  keyed_sort(plan->changes, plan->count, sizeof(plan->changes[0]));
  assert(build->count == plan->counts[SYNC_CREATE] + plan->counts[SYNC_UPDATE] +
                             plan->counts[SYNC_HEADERS] + plan->counts[SYNC_NO_CHANGE]);
  sync_plan_check(plan);
  *ret_plan = *plan;
  return true;
}

/* --- What holds for every plan --- */

static void check_keys(const struct sync_plan *plan, const struct sync_change *change) {
  assert(!place_is_state(&plan->bucket->place, change->key));
  assert(!change->object || strcmp(change->object->key, change->key) == 0);
  assert(!change->before || strcmp(change->before->key, change->key) == 0);
  assert(!change->copy_source || (change->object && plan->restored > 0));
}

static void check_change(const struct sync_plan *plan, const struct sync_change *change) {
  bool has_object = change->object != NULL, has_before = change->before != NULL;
  check_keys(plan, change);
  switch (change->action) {
  case SYNC_CREATE: assert(has_object && !has_before); break;
  case SYNC_UPDATE:
  case SYNC_HEADERS: assert(has_object && has_before); break;
  case SYNC_DELETE:
    assert(!has_object && has_before && !build_find(plan->build, change->key));
    break;
  case SYNC_KEEP: assert(!has_object && has_before && change->class == SYNC_ASSET); break;
  case SYNC_FOREIGN: assert(change->foreign); __attribute__((fallthrough));
  case SYNC_IGNORE: assert(!has_object); break;
  case SYNC_NO_CHANGE:
  case SYNC_ACTIONS: assert(change->action < SYNC_NO_CHANGE); break;
  }
}

void sync_plan_check(const struct sync_plan *plan) {
  size_t counts[SYNC_ACTIONS] = {[SYNC_NO_CHANGE] = plan->counts[SYNC_NO_CHANGE]};
  for (size_t i = 0; i < plan->count; i++) {
    const struct sync_change *change = &plan->changes[i];
    assert(i == 0 || strcmp(plan->changes[i - 1].key, change->key) < 0);
    check_change(plan, change);
    counts[change->action]++;
  }
  assert(memcmp(counts, plan->counts, sizeof(counts)) == 0);
}
