/* order.c: see order.h. */
#include "lib/sync/order.h"

enum sync_phase order_phase(const struct sync_change *change) {
  bool is_new = change->action == SYNC_CREATE;
  switch (change->action) {
  case SYNC_DELETE: return change->class == SYNC_PAGE ? PHASE_DELETE_PAGES : PHASE_DELETE_REST;
  case SYNC_CREATE:
  case SYNC_UPDATE:
  case SYNC_HEADERS: break;
  default: return PHASE_NONE;
  }
  if (change->class == SYNC_ASSET) return PHASE_ASSETS;
  if (change->class == SYNC_REST) return is_new ? PHASE_REST_NEW : PHASE_REST_CHANGED;
  return is_new ? PHASE_PAGES_NEW : PHASE_PAGES_CHANGED;
}

size_t order_select(const struct sync_plan *plan, enum sync_phase phase, size_t *indexes) {
  size_t count = 0;
  for (size_t i = 0; i < plan->count; i++)
    if (order_phase(&plan->changes[i]) == phase) indexes[count++] = i;
  return count;
}
