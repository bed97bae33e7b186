/* pending.c: see pending.h. */
#include "lib/migrate/pending.h"

#include "lib/migrate/run/runner.h"

#include <stdlib.h>

static bool collect(const struct migrate_plan *plan, struct migrate_pending *ret_pending,
                    struct error *error) {
  struct buffer names = BUFFER_EMPTY;
  size_t count = 0;
  for (size_t i = 0; i < plan->count; i++) {
    const struct migrate_plan_item *item = &plan->items[i];
    if (!migrate_plan_item_is_pending(item)) continue;
    count++;
    buffer_append_format(&names, "%s%s_%s", names.length ? ", " : "", item->migration->version.text,
                         item->migration->name);
  }
  char *text = buffer_take(&names);
  buffer_free(&names);
  if (!text) return error_set(error, ERROR_MEMORY, "out of memory");
  *ret_pending = (struct migrate_pending){.count = count, .names = text};
  return true;
}

bool migrate_check(const char *connection_url, struct migrate_pending *ret_pending,
                   struct error *error) {
  struct migrate_options options = MIGRATE_OPTIONS_DEFAULT;
  options.connection_url = connection_url;
  struct runner runner = {.options = &options};
  bool checked =
      runner_open(&runner, RUNNER_READ, error) && collect(&runner.plan, ret_pending, error);
  runner_close(&runner);
  return checked;
}

void migrate_pending_free(struct migrate_pending *pending) {
  free(pending->names);
  *pending = (struct migrate_pending){0};
}

bool migrate_apply_pending(const char *connection_url, const struct migrate_reporter *reporter,
                           const atomic_bool *interrupt, struct error *error) {
  struct migrate_options options = MIGRATE_OPTIONS_DEFAULT;
  options.connection_url = connection_url;
  options.interrupt = interrupt;
  return migrate_up(&options, reporter, error);
}
