/* order.h: the order in which a plan is applied, so that no page that is served ever points to what
 * is not there: what is pointed to comes before what points, and goes after it. */
#pragma once

#include "lib/sync/plan.h"

enum sync_phase {
  PHASE_ASSETS,       /* hashed: nothing points to new ones yet */
  PHASE_REST_NEW,     /* new names before changed files, which may point to them */
  PHASE_REST_CHANGED, /* not HTML */
  PHASE_PAGES_NEW,    /* nothing links to new pages yet */
  PHASE_PAGES_CHANGED,
  PHASE_PAGES_TOP,    /* index.html, where visitors come in; the invalidation comes next */
  PHASE_DELETE_PAGES, /* what points goes first */
  PHASE_DELETE_REST,
  PHASE_NONE, /* nothing is done */
  PHASES
};

/* `prefix` is that of the sync. */
enum sync_phase order_phase(const struct sync_change *change, const char *prefix);

/* Puts the indexes of the plan's changes of `phase` into `indexes`, which has room for all of the
 * plan's; returns how many. In the order of the keys. */
size_t order_select(const struct sync_plan *plan, const char *prefix, enum sync_phase phase,
                    size_t *indexes);
