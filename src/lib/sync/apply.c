/* apply.c: see apply.h. */
#include "lib/sync/apply.h"

#include "lib/base/cleanup.h"
#include "lib/sync/order.h"
#include "lib/sync/purge.h"
#include "lib/sync/release.h"
#include "lib/sync/remove.h"

#include <stdlib.h>

struct applying {
  struct sync_run *run;
  size_t *indexes; /* room for all changes */
  struct upload_result *results;
  struct error *error;
};

static bool write_journal(struct sync_run *run, struct error *error) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  journal_write(&run->journal, &text);
  if (text.failed) return error_set(error, ERROR_MEMORY, "out of memory");
  return run_put(run, run_state_key(run, "journal.json"), buffer_str(&text), error);
}

static bool upload_phase(struct applying *applying, enum sync_phase phase) {
  static const char *const NAMES[PHASES] = {"uploading assets",        "uploading new files",
                                            "uploading changed files", "uploading new pages",
                                            "uploading changed pages", "uploading the top page"};
  struct sync_run *run = applying->run;
  size_t count = order_select(&run->plan, run->settings.prefix, phase, applying->indexes);
  return count == 0 || upload_changes(run, applying->indexes, count, NAMES[phase],
                                      applying->results, applying->error);
}

static bool delete_phase(struct applying *applying, enum sync_phase phase) {
  struct sync_run *run = applying->run;
  size_t count = order_select(&run->plan, run->settings.prefix, phase, applying->indexes);
  if (count == 0) return true;
  _cleanup_free_ const char **keys = calloc(count, sizeof(*keys));
  if (!keys) return error_set(applying->error, ERROR_MEMORY, "out of memory");
  for (size_t i = 0; i < count; i++)
    keys[i] = run->plan.changes[applying->indexes[i]].key;
  return remove_keys(run, keys, count, applying->error);
}

/* Caches must have let go of the old pages before what these point to goes; and what was deleted
 * could have been cached again until it was: those paths are invalidated afterwards. */
static bool delete_all(struct applying *applying) {
  struct sync_run *run = applying->run;
  return delete_phase(applying, PHASE_DELETE_PAGES) && delete_phase(applying, PHASE_DELETE_REST) &&
         purge_paths(run, &run->journal.deleted, run->journal.id, run->settings.wait,
                     applying->error);
}

static bool apply_phases(struct applying *applying) {
  struct sync_run *run = applying->run;
  if (!release_keep_old(run, applying->error)) return false;
  for (enum sync_phase phase = PHASE_ASSETS; phase <= PHASE_PAGES_TOP; phase++)
    if (!upload_phase(applying, phase)) return false;
  bool wait = run->settings.wait || run->plan.counts[SYNC_DELETE] > 0;
  return purge_paths(run, &run->journal.changed, run->journal.id, wait, applying->error) &&
         delete_all(applying) && release_finish(run, applying->results, applying->error);
}

bool apply_plan(struct sync_run *run, bool *ret_started, struct error *error) {
  _cleanup_free_ size_t *indexes = calloc(run->plan.count + 1, sizeof(*indexes));
  _cleanup_free_ struct upload_result *results = calloc(run->plan.count + 1, sizeof(*results));
  if (!indexes || !results) return error_set(error, ERROR_MEMORY, "out of memory");
  struct applying applying = {.run = run, .indexes = indexes, .results = results, .error = error};
  if (!write_journal(run, error)) return false;
  *ret_started = true;
  if (!apply_phases(&applying)) return false;
  const char *journal = run_state_key(run, "journal.json");
  size_t deleted = run->counts.deleted;
  bool ended = remove_keys(run, &journal, 1, error);
  run->counts.deleted = deleted;
  return ended;
}
