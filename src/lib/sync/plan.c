/* plan.c: see plan.h. */
#include "lib/sync/plan.h"

#include "lib/base/buffer.h"
#include "lib/base/cleanup.h"
#include "lib/sync/mime.h"

#include <ctype.h>
#include <stdlib.h>

enum { SECONDS_A_DAY = 24 * 60 * 60, CLOCK_GRAIN_S = 1, DELETES_ALWAYS_FINE = 20 };

struct planning {
  const struct sync_build *build;
  const struct remote *remote;
  const struct manifest *manifest;
  const struct plan_options *options;
  struct sync_plan plan;
  uint64_t next;           /* the number of the release that this plan makes, or confirms */
  const char **neighbours; /* folders that belong to a sync of their own; from malloc */
  size_t neighbour_count;
};

const char *sync_plan_action_name(enum sync_action action) {
  static const char *const NAMES[SYNC_ACTIONS] = {"create", "update", "headers",  "delete",
                                                  "keep",   "ignore", "no_change"};
  return NAMES[action];
}

bool sync_plan_has_work(const struct sync_plan *plan) {
  return plan->counts[SYNC_CREATE] + plan->counts[SYNC_UPDATE] + plan->counts[SYNC_HEADERS] +
             plan->counts[SYNC_DELETE] >
         0;
}

bool sync_plan_add(struct sync_plan *plan, const struct sync_change *change) {
  plan->counts[change->action]++;
  if (change->action == SYNC_CREATE || change->action == SYNC_UPDATE)
    plan->upload_bytes += change->object->size;
  if (change->action == SYNC_NO_CHANGE) return true;
  if (plan->count == plan->capacity) {
    size_t capacity = plan->capacity ? plan->capacity * 2 : 256;
    struct sync_change *changes = realloc(plan->changes, capacity * sizeof(*changes));
    if (!changes) return false;
    plan->changes = changes;
    plan->capacity = capacity;
  }
  plan->changes[plan->count++] = *change;
  return true;
}

/* --- What is the same --- */

/* Times of S3 are whole seconds, and so is the time that a note is good for. */
bool sync_plan_is_known(const struct known_object *known, const struct remote_object *object) {
  return known && strcmp(known->etag, object->etag) == 0 &&
         object->modified_s <= known->verified_s + CLOCK_GRAIN_S;
}

static bool is_plain_etag(const char *etag) {
  return strlen(etag) == DIGEST_MD5_SIZE - 1;
}

static bool same_content(const struct sync_object *object, const struct remote_object *remote,
                         const struct known_object *known) {
  if (object->size != remote->size) return false;
  if (sync_plan_is_known(known, remote)) return strcmp(known->md5, object->md5) == 0;
  bool is_checksum = is_plain_etag(remote->etag) && !(remote->asked && remote->encrypted);
  return strcmp(is_checksum ? remote->etag : remote->stored_md5, object->md5) == 0;
}

static bool same_headers(const struct sync_object *object, const struct remote_object *remote,
                         const struct known_object *known) {
  char digest[DIGEST_SHORT_SIZE];
  if (!sync_plan_is_known(known, remote)) return headers_equal(&object->headers, &remote->headers);
  headers_digest(&object->headers, digest);
  return strcmp(digest, known->headers_digest) == 0;
}

/* Another size is another content: only then, and where a note is good, no question is needed. */
bool sync_plan_must_ask(const struct sync_object *object, const struct remote_object *remote,
                        const struct manifest *manifest) {
  return object->size == remote->size &&
         !sync_plan_is_known(manifest_object(manifest, remote->key), remote);
}

static bool compare_object(struct planning *planning, const struct sync_object *object) {
  const struct remote_object *remote = remote_find(planning->remote, object->key);
  struct sync_change change = {
      .key = object->key, .class = object->class, .object = object, .before = remote};
  if (!remote) {
    change.action = SYNC_CREATE;
  } else {
    const struct known_object *known = manifest_object(planning->manifest, object->key);
    planning->plan.managed++;
    if (!same_content(object, remote, known))
      change.action = SYNC_UPDATE;
    else
      change.action = same_headers(object, remote, known) ? SYNC_NO_CHANGE : SYNC_HEADERS;
  }
  return sync_plan_add(&planning->plan, &change);
}

/* --- What is only in the bucket --- */

enum sync_class sync_plan_class_of_key(const char *key) {
  struct str text = str_from(key);
  if (mime_name_is_hashed(text)) return SYNC_ASSET;
  const char *slash = strrchr(key, '/');
  bool has_dot = strchr(slash ? slash + 1 : key, '.') != NULL;
  bool is_html = str_starts_with(str_from(mime_type(text)), STR("text/html"));
  return is_html || !has_dot ? SYNC_PAGE : SYNC_REST;
}

/* The rules say what is hashed in the build, and so what was when it was in one. */
static enum sync_class class_of_remote(const struct planning *planning, const char *key) {
  const struct sync_rules *rules = planning->options->rules;
  enum sync_class class = sync_plan_class_of_key(key);
  if (!rules || !rules->first || class == SYNC_PAGE) return class;
  struct str below = str_from(key + strlen(planning->options->prefix));
  struct sync_traits traits = rules_traits(rules, below, false);
  return traits.class == SYNC_PAGE ? class : traits.class;
}

/* An asset counts as one of the release before this one when no release is known to have it: the
 * first sync of a bucket must not take away what open tabs still need. */
static bool within_grace(const struct planning *planning, const char *key) {
  const struct plan_options *options = planning->options;
  const struct manifest *manifest = planning->manifest;
  const struct known_object *known = manifest_object(manifest, key);
  uint64_t next = planning->next;
  uint64_t last = known && known->last > 0 ? known->last : manifest->sequence;
  if (options->keep_releases == 0 && options->keep_days == 0) return false;
  if (next - last <= options->keep_releases) return true;
  if (options->keep_days == 0) return false;
  const struct known_release *replaced_by = manifest_release(manifest, last + 1);
  int64_t replaced_s = replaced_by ? replaced_by->created_s : last + 1 == next ? options->now_s : 0;
  return options->now_s - replaced_s < options->keep_days * SECONDS_A_DAY;
}

static bool belongs_to_neighbour(const struct planning *planning, const char *key) {
  for (size_t i = 0; i < planning->neighbour_count; i++) {
    struct str folder = str_from(planning->neighbours[i]);
    folder.length -= strlen(SYNC_STATE_FOLDER "manifest.json");
    if (str_starts_with(str_from(key), folder)) return true;
  }
  return false;
}

static int compare_texts(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_ignored(const struct planning *planning, const char *key) {
  const struct sync_build *build = planning->build;
  const char *below = key + strlen(planning->options->prefix);
  if (sync_ignores(&planning->options->ignore, below)) return true;
  return build->ignored_count > 0 && bsearch(&key, build->ignored, build->ignored_count,
                                             sizeof(build->ignored[0]), compare_texts);
}

static bool add_remote_only(struct planning *planning, const struct remote_object *remote) {
  struct sync_change change = {
      .key = remote->key, .class = class_of_remote(planning, remote->key), .before = remote};
  if (is_ignored(planning, remote->key) || belongs_to_neighbour(planning, remote->key)) {
    change.action = SYNC_IGNORE;
  } else {
    planning->plan.managed++;
    bool kept = change.class == SYNC_ASSET && within_grace(planning, remote->key);
    change.action = kept ? SYNC_KEEP : SYNC_DELETE;
  }
  return sync_plan_add(&planning->plan, &change);
}

/* Folders below the prefix with a manifest of their own are another sync's. */
static bool find_neighbours(struct planning *planning) {
  struct str ending = STR("/" SYNC_STATE_FOLDER "manifest.json");
  for (size_t i = 0; i < planning->remote->count; i++) {
    struct str key = str_from(planning->remote->objects[i].key);
    if (key.length <= ending.length + strlen(planning->options->prefix) ||
        memcmp(key.data + key.length - ending.length, ending.data, ending.length) != 0)
      continue;
    const char **neighbours =
        realloc(planning->neighbours, (planning->neighbour_count + 1) * sizeof(*neighbours));
    if (!neighbours) return false;
    planning->neighbours = neighbours;
    neighbours[planning->neighbour_count++] = key.data;
  }
  return true;
}

static bool is_state(const struct planning *planning, const char *key) {
  struct str below = str_from(key + strlen(planning->options->prefix));
  return str_starts_with(below, STR(SYNC_STATE_FOLDER));
}

static int compare_changes(const void *a, const void *b) {
  return strcmp(((const struct sync_change *)a)->key, ((const struct sync_change *)b)->key);
}

/* What the ignore list keeps out of the bucket is shown as well. */
static bool add_ignored(struct planning *planning) {
  for (size_t i = 0; i < planning->build->ignored_count; i++) {
    struct sync_change change = {.action = SYNC_IGNORE, .key = planning->build->ignored[i]};
    change.class = sync_plan_class_of_key(change.key);
    if (!remote_find(planning->remote, change.key) && !sync_plan_add(&planning->plan, &change))
      return false;
  }
  return true;
}

/* The objects that only the bucket has: the assets, or all others. */
static bool compare_remote_only(struct planning *planning, bool assets) {
  for (size_t i = 0; i < planning->remote->count; i++) {
    const struct remote_object *remote = &planning->remote->objects[i];
    bool is_asset = class_of_remote(planning, remote->key) == SYNC_ASSET;
    if (is_asset == assets && !build_find(planning->build, remote->key) &&
        !is_state(planning, remote->key) && !add_remote_only(planning, remote))
      return false;
  }
  return true;
}

/* The assets come last: a plan that changes nothing else makes no release, and the assets of
 * earlier ones do not grow older by it. */
static bool compare_all(struct planning *planning) {
  const struct sync_build *build = planning->build;
  if (build->ignored_count > 0)
    qsort(build->ignored, build->ignored_count, sizeof(build->ignored[0]), compare_texts);
  if (!find_neighbours(planning)) return false;
  for (size_t i = 0; i < build->count; i++)
    if (!compare_object(planning, &build->objects[i])) return false;
  if (!add_ignored(planning) || !compare_remote_only(planning, false)) return false;
  planning->next = planning->manifest->sequence + (sync_plan_has_work(&planning->plan) ? 1 : 0);
  return compare_remote_only(planning, true);
}

bool sync_plan_make(const struct sync_build *build, const struct remote *remote,
                    const struct manifest *manifest, const struct plan_options *options,
                    struct sync_plan *ret_plan, struct error *error) {
  struct planning planning = {
      .build = build, .remote = remote, .manifest = manifest, .options = options};
  bool made = compare_all(&planning);
  free(planning.neighbours);
  if (!made) {
    sync_plan_free(&planning.plan);
    return error_set(error, ERROR_MEMORY, "out of memory");
  }
  if (planning.plan.count > 0)
    qsort(planning.plan.changes, planning.plan.count, sizeof(struct sync_change), compare_changes);
  *ret_plan = planning.plan;
  return true;
}

const struct sync_change *sync_plan_find(const struct sync_plan *plan, const char *key) {
  struct sync_change wanted = {.key = key};
  if (plan->count == 0) return NULL;
  return bsearch(&wanted, plan->changes, plan->count, sizeof(wanted), compare_changes);
}

bool sync_plan_delete_limit(const char *text, size_t managed, size_t *ret_limit) {
  if (!text) {
    *ret_limit = managed / 2 > DELETES_ALWAYS_FINE ? managed / 2 : DELETES_ALWAYS_FINE;
    return true;
  }
  char *end = NULL;
  if (!isdigit((unsigned char)text[0])) return false;
  unsigned long long number = strtoull(text, &end, 10);
  bool percent = strcmp(end, "%") == 0;
  if ((*end && !percent) || (percent && number > 100)) return false;
  *ret_limit = percent ? (size_t)((unsigned long long)managed * number / 100) : (size_t)number;
  return true;
}

void sync_plan_free(struct sync_plan *plan) {
  free(plan->changes);
  *plan = (struct sync_plan){0};
}
