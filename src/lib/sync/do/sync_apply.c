/* sync_apply.c: makes a plan come true.
 *
 * Blocks until everything is done or a step has failed. The journal is in the bucket from before
 * the first change until after the last, so that a run that is cut off at any point is finished by
 * the next one. Objects are written in the order of plan/order.h. Caches must have forgotten the
 * old pages before their targets are deleted; and a deleted object may have been cached again until
 * it was gone, so that its path is invalidated afterwards. */
#include "lib/sync/do/sync_apply.h"

#include "lib/base/cleanup.h"
#include "lib/sync/do/purge.h"
#include "lib/sync/do/release.h"
#include "lib/sync/do/remove.h"
#include "lib/sync/do/upload.h"
#include "lib/sync/have/sync_state.h"
#include "lib/sync/plan/order.h"

#include <assert.h>
#include <stdlib.h>

/* One application of a plan. */
struct sync_applying {
  const struct sync_session *session;
  const struct sync_plan *plan;
  const struct sync_apply_options *options;
  struct sync_results *results;
  struct error *error;
};

static bool write_journal(struct sync_applying *applying, const char *key) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  journal_write(&applying->plan->journal, &text);
  if (text.failed) return error_set(applying->error, ERROR_MEMORY, "out of memory");
  return sync_state_put(applying->session, &applying->plan->bucket->place, key, buffer_str(&text),
                        applying->error);
}

static bool delete_phase(struct sync_applying *applying, enum sync_phase phase) {
  const struct sync_plan *plan = applying->plan;
  struct sync_results *results = applying->results;
  _cleanup_free_ size_t *indexes = calloc(plan->count + 1, sizeof(*indexes));
  _cleanup_free_ const char **keys = calloc(plan->count + 1, sizeof(*keys));
  if (!indexes || !keys) return error_set(applying->error, ERROR_MEMORY, "out of memory");
  size_t count = order_select(plan, phase, indexes);
  struct remove_counts counts;
  if (count == 0) return true;
  for (size_t i = 0; i < count; i++) {
    const struct sync_change *change = &plan->changes[indexes[i]];
    assert(change->action == SYNC_DELETE && !results->written[indexes[i]].done);
    keys[i] = change->key;
  }
  bool deleted =
      remove_keys(applying->session, &plan->bucket->place, keys, count, &counts, applying->error);
  results->deleted += counts.deleted;
  results->failed += counts.failed;
  return deleted;
}

static bool invalidate(struct sync_applying *applying, const struct journal_paths *paths,
                       bool wait) {
  return purge_paths(applying->session, applying->options->distribution, paths,
                     applying->plan->journal.id, wait, applying->results, applying->error);
}

/* Targets are written before the pages that link to them, and everything before the deletions. */
static void check_written(const struct sync_applying *applying, bool pages_too) {
  const struct sync_plan *plan = applying->plan;
  for (size_t i = 0; i < plan->count; i++) {
    const struct sync_change *change = &plan->changes[i];
    if (change->action <= SYNC_HEADERS && (pages_too || change->class != SYNC_PAGE))
      assert(applying->results->written[i].done);
  }
}

static bool apply_phases(struct sync_applying *applying) {
  const struct sync_session *session = applying->session;
  const struct sync_plan *plan = applying->plan;
  bool wait = applying->options->wait;
  if (!release_keep_old(session, plan, applying->results, applying->error)) return false;
  for (enum sync_phase phase = PHASE_ASSETS; phase <= PHASE_PAGES_TOP; phase++) {
    if (phase == PHASE_PAGES_NEW) check_written(applying, false);
    if (!upload_phase(session, plan, phase, applying->results, applying->error)) return false;
  }
  check_written(applying, true);
  return invalidate(applying, &plan->journal.changed, wait || plan->counts[SYNC_DELETE] > 0) &&
         delete_phase(applying, PHASE_DELETE_PAGES) && delete_phase(applying, PHASE_DELETE_REST) &&
         invalidate(applying, &plan->journal.deleted, wait);
}

/* Every change was made, and nothing else was. */
static void check_results(const struct sync_plan *plan, const struct sync_results *results) {
  for (size_t i = 0; i < plan->count; i++)
    assert(results->written[i].done == (plan->changes[i].action <= SYNC_HEADERS));
  assert(results->deleted == plan->counts[SYNC_DELETE] && results->failed == 0);
}

bool sync_apply(const struct sync_session *session, const struct sync_plan *plan,
                const struct sync_apply_options *options, struct arena *arena,
                struct sync_results *results, struct error *error) {
  struct sync_applying applying = {session, plan, options, results, error};
  const struct sync_place *place = &plan->bucket->place;
  const char *journal = place_state_key(place, arena, "journal.json");
  struct remove_counts ignored;
  *results = (struct sync_results){
      .arena = arena, .written = arena_take(arena, plan->count * sizeof(struct sync_written))};
  if (!results->written) return error_set(error, ERROR_MEMORY, "out of memory");
  sync_plan_check(plan);
  if (!purge_check(session, options->distribution, error) || !write_journal(&applying, journal))
    return false;
  results->started = true;
  if (!apply_phases(&applying)) return false;
  check_results(plan, results);
  return release_finish(session, plan, results, error) &&
         remove_keys(session, place, &journal, 1, &ignored, error);
}
