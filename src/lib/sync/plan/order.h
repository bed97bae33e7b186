/* order.h: the order in which a plan is applied, so that no page that is served ever links to what
 * is not there: targets are created before the pages that link to them; deletions go the other way
 * round. */
#pragma once

#include "lib/sync/plan/sync_plan.h"

enum sync_phase {
  PHASE_ASSETS,       /* hashed: nothing links to new ones yet */
  PHASE_REST_NEW,     /* new names before changed files, which may link to them */
  PHASE_REST_CHANGED, /* not HTML */
  PHASE_PAGES_NEW,    /* nothing links to new pages yet */
  PHASE_PAGES_CHANGED,
  PHASE_PAGES_TOP,    /* index.html, where visitors come in; the invalidation comes next */
  PHASE_DELETE_PAGES, /* pages before what they link to */
  PHASE_DELETE_REST,
  SYNC_PHASES
};

/* What people read while a phase that writes objects is under way: "uploading assets". */
const char *order_phase_name(enum sync_phase phase);

/* Puts the indexes of the plan's changes of `phase` into `indexes`, which has room for all changes
 * of the plan. Returns how many there are. They are in the order of the keys. */
size_t order_select(const struct sync_plan *plan, enum sync_phase phase, size_t *indexes);
