/* paths.c: which paths CloudFront must forget.
 *
 * The sorted keys are walked folder by folder, which gives a list of paths; the list is then
 * settled: sorted, without doubles and without what a wildcard covers, and while it exceeds the
 * bounds cut to the folders of one level less. */
#include "lib/sync/plan/paths.h"

#include "lib/base/cleanup.h"
#include "lib/sync/keyed.h"

#include <assert.h>

_Static_assert((int)PATHS_FREE <= (int)JOURNAL_PATHS_LIMIT, "what is written can be read");
_Static_assert((int)JOURNAL_PATHS_LIMIT <= (int)PATHS_LIMIT, "what is read is one request");

struct paths_planner {
  const struct paths_key *keys;
  struct arena *arena;
  struct journal_paths *paths;
};

/* RFC 1738, section 2.2. '~' and '*' never get here. */
static bool must_encode(unsigned char byte) {
  return byte <= ' ' || byte >= 0x7F || strchr("<>\"#%{}|\\^[]`?", byte);
}

static void encode(struct str text, struct buffer *output) {
  for (size_t i = 0; i < text.length; i++) {
    unsigned char byte = (unsigned char)text.data[i];
    if (must_encode(byte))
      buffer_append_format(output, "%%%02X", byte);
    else
      buffer_append_char(output, (char)byte);
  }
}

/* `suffix` is "" or "*". */
static void encode_with(struct str text, const char *suffix, struct buffer *output) {
  size_t cut = 0;
  while (cut < text.length && text.data[cut] != '~' && text.data[cut] != '*')
    cut++;
  buffer_append_char(output, '/');
  encode((struct str){text.data, cut}, output);
  buffer_append_text(output, cut < text.length ? "*" : suffix);
}

static void emit(struct paths_planner *planner, struct str text, const char *suffix) {
  _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY;
  encode_with(text, suffix, &path);
  const char *copy = arena_copy(planner->arena, buffer_str(&path));
  if (path.failed || !journal_add_path(planner->paths, planner->arena, copy))
    planner->arena->failed = true;
}

/* For CloudFront "/" (and "/folder/") is another path than that of its index.html. */
static void emit_key(struct paths_planner *planner, const char *key) {
  struct str text = str_from(key), index = STR("index.html");
  emit(planner, text, "");
  bool ends = text.length >= index.length &&
              memcmp(text.data + text.length - index.length, index.data, index.length) == 0;
  size_t folder = ends ? text.length - index.length : 0;
  if (ends && (folder == 0 || key[folder - 1] == '/')) emit(planner, (struct str){key, folder}, "");
}

static void plan_range(struct paths_planner *planner, size_t low, size_t high, size_t skipped);

/* The keys from `low` to `high` lie in the folder that is the first `length` bytes of each. */
static void plan_folder(struct paths_planner *planner, size_t low, size_t high, size_t length) {
  size_t changed = 0;
  for (size_t i = low; i < high; i++)
    changed += planner->keys[i].changed;
  if (changed >= 2 && changed == high - low)
    emit(planner, (struct str){planner->keys[low].key, length}, "*");
  else if (changed > 0)
    plan_range(planner, low, high, length);
}

static void plan_range(struct paths_planner *planner, size_t low, size_t high, size_t skipped) {
  for (size_t i = low; i < high;) {
    const struct paths_key *key = &planner->keys[i];
    const char *slash = strchr(key->key + skipped, '/');
    if (!slash) {
      if (key->changed) emit_key(planner, key->key);
      i++;
      continue;
    }
    size_t length = (size_t)(slash + 1 - key->key);
    size_t end = i + 1;
    while (end < high && strncmp(planner->keys[end].key, key->key, length) == 0)
      end++;
    plan_folder(planner, i, end, length);
    i = end;
  }
}

/* --- Bounds --- */

static bool is_wildcard(const char *path) {
  return path[strlen(path) - 1] == '*';
}

static bool is_covered(const char *const *wildcards, size_t count, const char *path) {
  for (size_t i = 0; i < count; i++) {
    const char *other = wildcards[i];
    size_t length = strlen(other);
    if (other != path && strncmp(other, path, length - 1) == 0) return true;
  }
  return false;
}

/* Sorts, drops doubles and what a wildcard covers; tells how many wildcards are left. False when
 * memory is out. */
static bool reduce(struct journal_paths *paths, struct arena *arena, size_t *ret_wildcards) {
  size_t kept = 0, count = 0;
  const char **wildcards = arena_take(arena, paths->count * sizeof(*wildcards));
  if (!wildcards) return false;
  size_t unique = keyed_sort_unique(paths->paths, paths->count, sizeof(paths->paths[0]));
  assert(unique == 0 || paths->paths);
  for (size_t i = 0; i < unique; i++)
    if (is_wildcard(paths->paths[i])) wildcards[count++] = paths->paths[i];
  *ret_wildcards = 0;
  for (size_t i = 0; i < unique; i++) {
    if (is_covered(wildcards, count, paths->paths[i])) continue;
    *ret_wildcards += is_wildcard(paths->paths[i]);
    paths->paths[kept++] = paths->paths[i];
  }
  paths->count = kept;
  return true;
}

static size_t depth_of(const char *path) {
  size_t depth = 0;
  for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/'))
    depth++;
  return depth;
}

/* Cuts every path that lies in `depth` folders or more to a wildcard of its folder at that depth.
 * At depth 0 that is everything. */
static bool cut_to_depth(struct journal_paths *paths, size_t depth, struct arena *arena) {
  for (size_t i = 0; i < paths->count; i++) {
    const char *path = paths->paths[i];
    if (depth_of(path) < depth) continue;
    const char *end = path;
    for (size_t folder = 0; folder < depth; folder++)
      end = strchr(end + 1, '/');
    _cleanup_(buffer_free) struct buffer cut = BUFFER_EMPTY;
    buffer_append(&cut, path, (size_t)(end + 1 - path));
    buffer_append_char(&cut, '*');
    paths->paths[i] = arena_copy(arena, buffer_str(&cut));
    if (cut.failed || arena->failed) return false;
  }
  return true;
}

static bool fits_bounds(const struct journal_paths *paths, size_t wildcards) {
  return paths->count <= PATHS_FREE && wildcards <= PATHS_WILDCARDS;
}

/* Brings the paths within CloudFront's bounds. At the last, depth 0, everything is one wildcard. */
static bool settle(struct journal_paths *paths, struct arena *arena) {
  size_t deepest = 0, wildcards;
  for (size_t i = 0; i < paths->count; i++)
    if (depth_of(paths->paths[i]) > deepest) deepest = depth_of(paths->paths[i]);
  if (!reduce(paths, arena, &wildcards)) return false;
  for (size_t depth = deepest + 1; !fits_bounds(paths, wildcards) && depth-- > 0;)
    if (!cut_to_depth(paths, depth, arena) || !reduce(paths, arena, &wildcards)) return false;
  assert(fits_bounds(paths, wildcards));
  return true;
}

/* One of each key, changed where one of them is. */
static size_t sort_keys(struct paths_key *keys, size_t count) {
  size_t unique = 0;
  keyed_sort(keys, count, sizeof(keys[0]));
  for (size_t i = 0; i < count; i++)
    if (unique > 0 && strcmp(keys[unique - 1].key, keys[i].key) == 0)
      keys[unique - 1].changed |= keys[i].changed;
    else
      keys[unique++] = keys[i];
  return unique;
}

bool paths_plan(struct paths_key *keys, size_t count, struct arena *arena,
                struct journal_paths *ret_paths) {
  struct journal_paths paths = {0};
  struct paths_planner planner = {.keys = keys, .arena = arena, .paths = &paths};
  plan_range(&planner, 0, sort_keys(keys, count), 0);
  if (arena->failed || !settle(&paths, arena)) return false;
  *ret_paths = paths;
  return true;
}

/* --- The journal --- */

static bool add_all(struct journal_paths *paths, const struct journal_paths *more,
                    struct arena *arena) {
  for (size_t i = 0; i < more->count; i++)
    if (!journal_add_path(paths, arena, more->paths[i])) return false;
  return settle(paths, arena);
}

bool paths_inherit(struct journal *journal, const struct journal *earlier, bool has_uploads,
                   struct arena *arena) {
  if (!has_uploads && strcmp(journal->target, earlier->target) == 0) journal->id = earlier->id;
  return add_all(&journal->changed, &earlier->changed, arena) &&
         add_all(&journal->deleted, &earlier->deleted, arena);
}

/* A digest of all that the bucket is to become. */
static const char *describe_target(const struct sync_build *build, struct arena *arena) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  char digest[DIGEST_SHORT_SIZE], sha[DIGEST_SHA256_SIZE];
  for (size_t i = 0; i < build->count; i++) {
    const struct sync_object *object = &build->objects[i];
    object_headers_digest(&object->headers, digest);
    buffer_append_format(&text, "%s\n%s\n%s\n", object->key, object->md5, digest);
  }
  if (text.failed) arena->failed = true;
  digest_sha256(buffer_str(&text), sha);
  return arena_copy(arena, str_from(sha));
}

/* True when caches may hold what the bucket had, or once had, with the key of `change`. A hashed
 * name tells its content, unless that was changed under the same name. */
static bool makes_stale(const struct sync_plan *plan, const struct sync_change *change) {
  const struct known_object *known;
  switch (change->action) {
  case SYNC_CREATE: /* somebody deleted it, and it comes back with another content */
    known = manifest_object(&plan->bucket->manifest, change->key);
    return known && strcmp(known->md5, change->object->md5) != 0;
  case SYNC_UPDATE: return true;
  case SYNC_HEADERS:
  case SYNC_DELETE: return change->class != SYNC_ASSET;
  case SYNC_KEEP:
  case SYNC_IGNORE:
  case SYNC_FOREIGN:
  case SYNC_NO_CHANGE:
  case SYNC_ACTIONS: break;
  }
  return false;
}

/* Plans the paths of the keys that are changed by the actions from `from` to `to`. The keys are
 * those that the bucket has, and those that are changed without being there. */
static bool plan_actions(const struct sync_plan *plan, enum sync_action from, enum sync_action to,
                         bool origin_is_prefix, struct arena *arena,
                         struct journal_paths *ret_paths) {
  const struct sync_bucket *bucket = plan->bucket;
  const struct sync_place *place = &bucket->place;
  size_t count = 0;
  struct paths_key *keys = arena_take(arena, (bucket->count + plan->count) * sizeof(*keys));
  for (size_t i = 0; keys && i < bucket->count; i++) {
    const char *key = bucket->objects[i].key;
    if (place_is_state(place, key)) continue;
    keys[count++].key = origin_is_prefix ? place_below(place, key) : key;
  }
  for (size_t i = 0; keys && i < plan->count; i++) {
    const struct sync_change *change = &plan->changes[i];
    if (change->action < from || change->action > to || !makes_stale(plan, change)) continue;
    const char *key = origin_is_prefix ? place_below(place, change->key) : change->key;
    keys[count++] = (struct paths_key){key, true};
  }
  return keys && paths_plan(keys, count, arena, ret_paths);
}

/* What this run writes, and what an earlier one wrote that no manifest knows yet. */
static bool plan_writes(const struct sync_plan *plan, struct arena *arena,
                        struct journal *journal) {
  const struct journal *earlier = &plan->bucket->earlier;
  struct journal_write *writes =
      arena_take(arena, (plan->count + earlier->write_count) * sizeof(*writes));
  if (!writes) return false;
  size_t count = 0;
  for (size_t i = 0; i < plan->count; i++) {
    const struct sync_change *change = &plan->changes[i];
    if (change->action > SYNC_UPDATE) continue;
    writes[count++] = (struct journal_write){change->key, change->object->md5,
                                             change->foreign ? change->before->etag : ""};
  }
  for (size_t i = 0; i < earlier->write_count; i++) {
    const struct sync_change *change = sync_plan_find(plan, earlier->writes[i].key);
    bool again = change && change->action <= SYNC_UPDATE;
    if (!again && bucket_find(plan->bucket, earlier->writes[i].key))
      writes[count++] = earlier->writes[i];
  }
  keyed_sort(writes, count, sizeof(writes[0]));
  assert(!keyed_double(writes, count, sizeof(writes[0])));
  journal->writes = writes;
  journal->write_count = count;
  return true;
}

bool paths_plan_journal(struct sync_plan *plan, const char *id, bool origin_is_prefix,
                        struct arena *arena, struct error *error) {
  const struct sync_bucket *bucket = plan->bucket;
  const size_t *counts = plan->counts;
  bool has_uploads = counts[SYNC_CREATE] + counts[SYNC_UPDATE] + counts[SYNC_HEADERS] > 0;
  struct journal journal = {.id = arena_copy(arena, str_from(id)),
                            .target = describe_target(plan->build, arena),
                            .restored = plan->restored};
  bool planned =
      plan_writes(plan, arena, &journal) &&
      plan_actions(plan, SYNC_CREATE, SYNC_HEADERS, origin_is_prefix, arena, &journal.changed) &&
      plan_actions(plan, SYNC_DELETE, SYNC_DELETE, origin_is_prefix, arena, &journal.deleted) &&
      (!bucket->has_earlier || paths_inherit(&journal, &bucket->earlier, has_uploads, arena));
  if (!planned || arena->failed) return error_set(error, ERROR_MEMORY, "out of memory");
  plan->journal = journal;
  return true;
}
