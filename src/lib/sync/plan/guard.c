/* guard.c: what a plan must not do unasked. */
#include "lib/sync/plan/guard.h"

#include "lib/base/cleanup.h"

#include <assert.h>
#include <inttypes.h>

enum { DELETES_ALWAYS_FINE = 3, PERCENT_LIMIT = 100, NAMES_SHOWN = 10, NAMES_LENGTH_LIMIT = 700 };

bool guard_parse_limit(const char *text, struct guard_limit *ret_limit) {
  struct str rest = str_from(text);
  struct guard_limit limit = {.kind = GUARD_LIMIT_COUNT};
  if (!str_cut_u64(&rest, 0, UINT64_MAX, &limit.number)) return false;
  if (str_equal(rest, STR("%"))) limit.kind = GUARD_LIMIT_PERCENT;
  if (limit.kind == GUARD_LIMIT_PERCENT ? limit.number > PERCENT_LIMIT : rest.length > 0)
    return false;
  *ret_limit = limit;
  return true;
}

bool guard_limit_means_foreign(const struct guard_limit *limit) {
  return limit->kind == GUARD_LIMIT_COUNT && limit->number > 0;
}

static uint64_t allowed_deletes(const struct guard_limit *limit, size_t managed) {
  switch (limit->kind) {
  case GUARD_LIMIT_COUNT: return limit->number;
  case GUARD_LIMIT_PERCENT: return managed * limit->number / PERCENT_LIMIT;
  case GUARD_LIMIT_USUAL: break;
  }
  return managed / 2 > DELETES_ALWAYS_FINE ? managed / 2 : DELETES_ALWAYS_FINE;
}

/* An asset or a preview that grew too old is no loss; an asset that a stranger put there may be. */
static bool counts(const struct sync_change *change) {
  return change->action == SYNC_DELETE && !change->expired &&
         (change->class != SYNC_ASSET || change->foreign);
}

/* The first names, as far as a line has room. */
static void append_names(const struct sync_plan *plan, struct buffer *names) {
  size_t shown = 0;
  for (size_t i = 0; i < plan->count && shown < NAMES_SHOWN; i++) {
    const struct sync_change *change = &plan->changes[i];
    if (!counts(change)) continue;
    if (names->length + strlen(change->key) > NAMES_LENGTH_LIMIT) break;
    buffer_append_format(names, "%s%s", shown++ == 0 ? "" : ", ", change->key);
  }
}

bool guard_deletions(const struct sync_plan *plan, const struct guard_limit *limit,
                     struct error *error) {
  _cleanup_(buffer_free) struct buffer names = BUFFER_EMPTY;
  size_t deletes = 0;
  for (size_t i = 0; i < plan->count; i++)
    deletes += counts(&plan->changes[i]);
  assert(deletes <= plan->managed); /* whoever counts one counts the other */
  uint64_t allowed = allowed_deletes(limit, plan->managed);
  if (deletes <= allowed) return true;
  append_names(plan, &names);
  return error_set(error, ERROR_REFUSED,
                   "%zu of %zu objects would be deleted, %" PRIu64
                   " are allowed; nothing was changed. If that is meant, say so: --max-delete %zu. "
                   "They are: %s%s",
                   deletes, plan->managed, allowed, deletes, buffer_text(&names),
                   deletes > NAMES_SHOWN ? ", …" : "");
}

static bool is_top_index(const struct sync_plan *plan, const char *key) {
  return strcmp(place_below(&plan->bucket->place, key), "index.html") == 0;
}

/* The one change or object of that name; they are few, so that no key has to be built. */
static const struct bucket_object *find_index(const struct sync_plan *plan) {
  const struct sync_bucket *bucket = plan->bucket;
  for (size_t i = 0; i < bucket->count; i++)
    if (is_top_index(plan, bucket->objects[i].key)) return &bucket->objects[i];
  return NULL;
}

bool guard_index(const struct sync_plan *plan, struct error *error) {
  assert(plan->bucket && plan->build);
  const struct bucket_object *held = find_index(plan);
  if (!held) return true;
  const struct sync_change *change = sync_plan_find(plan, held->key);
  const struct sync_object *object = build_find(plan->build, held->key);
  if (change && change->action == SYNC_IGNORE) return true;
  if (object && (object->size > 0 || !change)) return true;
  return error_set(error, ERROR_REFUSED,
                   "the build has %s index.html, and the bucket has one that is served; nothing "
                   "was changed. Was the build complete? If that is meant, say so: "
                   "--allow-missing-index",
                   object ? "an empty" : "no");
}
