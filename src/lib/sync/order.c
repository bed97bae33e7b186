/* order.c: see order.h. */
#include "lib/sync/order.h"

static bool is_top(const char *key, const char *prefix) {
  return strcmp(key + strlen(prefix), "index.html") == 0;
}

enum sync_phase order_phase(const struct sync_change *change, const char *prefix) {
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
  if (is_top(change->key, prefix)) return PHASE_PAGES_TOP;
  return is_new ? PHASE_PAGES_NEW : PHASE_PAGES_CHANGED;
}

size_t order_select(const struct sync_plan *plan, const char *prefix, enum sync_phase phase,
                    size_t *indexes) {
  size_t count = 0;
  for (size_t i = 0; i < plan->count; i++)
    if (order_phase(&plan->changes[i], prefix) == phase) indexes[count++] = i;
  return count;
}
