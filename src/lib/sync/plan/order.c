/* order.c: the order in which a plan is applied. */
#include "lib/sync/plan/order.h"

#include <assert.h>

/* The actions from KEEP on change nothing: they are of no phase. */
static bool phase_of(const struct sync_plan *plan, const struct sync_change *change,
                     enum sync_phase *ret_phase) {
  bool is_new = change->action == SYNC_CREATE;
  if (change->action == SYNC_DELETE)
    *ret_phase = change->class == SYNC_PAGE ? PHASE_DELETE_PAGES : PHASE_DELETE_REST;
  else if (change->action > SYNC_HEADERS)
    return false;
  else if (change->class == SYNC_ASSET)
    *ret_phase = PHASE_ASSETS;
  else if (change->class == SYNC_REST)
    *ret_phase = is_new ? PHASE_REST_NEW : PHASE_REST_CHANGED;
  else if (strcmp(place_below(&plan->bucket->place, change->key), "index.html") == 0)
    *ret_phase = PHASE_PAGES_TOP;
  else
    *ret_phase = is_new ? PHASE_PAGES_NEW : PHASE_PAGES_CHANGED;
  return true;
}

_Static_assert(SYNC_CREATE < SYNC_UPDATE && SYNC_UPDATE < SYNC_HEADERS &&
                   SYNC_HEADERS < SYNC_DELETE,
               "the actions up to SYNC_HEADERS write objects");
_Static_assert(PHASE_REST_CHANGED < PHASE_PAGES_NEW && PHASE_PAGES_TOP < PHASE_DELETE_PAGES,
               "targets, pages, deletions");

const char *order_phase_name(enum sync_phase phase) {
  static const char *const NAMES[PHASE_DELETE_PAGES] = {
      [PHASE_ASSETS] = "uploading assets",
      [PHASE_REST_NEW] = "uploading new files",
      [PHASE_REST_CHANGED] = "uploading changed files",
      [PHASE_PAGES_NEW] = "uploading new pages",
      [PHASE_PAGES_CHANGED] = "uploading changed pages",
      [PHASE_PAGES_TOP] = "uploading the top page",
  };
  assert(phase < PHASE_DELETE_PAGES);
  return NAMES[phase];
}

size_t order_select(const struct sync_plan *plan, enum sync_phase phase, size_t *indexes) {
  size_t count = 0;
  enum sync_phase of_change;
  for (size_t i = 0; i < plan->count; i++)
    if (phase_of(plan, &plan->changes[i], &of_change) && of_change == phase) indexes[count++] = i;
  return count;
}
