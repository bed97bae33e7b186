/* migrate_up.c: migrate_up(): applies what is pending. See engine.h. */
#include "lib/migrate/file/lint.h"
#include "lib/migrate/run/apply.h"
#include "lib/migrate/state/plan_check.h"

static bool apply_item(struct runner *runner, const struct migrate_plan_item *item,
                       struct error *error) {
  const struct version *version = &item->migration->version;
  bool newer = !runner->any_applied || version_compare(version, &runner->newest) > 0;
  struct version newest = newer ? *version : runner->newest;
  struct operation operation = {.migration = item->migration,
                                .section = &item->migration->up,
                                .progress = item->progress,
                                .newest_after = &newest};
  if (!apply_operation(runner, &operation, error)) return false;
  runner->newest = newest;
  runner->any_applied = true;
  runner->done++;
  return true;
}

static bool apply_pending(struct runner *runner, struct error *error) {
  for (size_t i = 0; i < runner->plan.count; i++) {
    if (!migrate_plan_item_is_pending(&runner->plan.items[i])) continue;
    if (runner_interrupted(runner)) {
      return error_set(error, ERROR_CONFLICT,
                       "interrupted after %zu of %zu migrations; run it again", runner->done,
                       runner->wanted);
    }
    if (!apply_item(runner, &runner->plan.items[i], error)) return false;
  }
  return true;
}

static bool run(struct runner *runner, struct error *error) {
  if (!runner_open(runner, RUNNER_WORK, error) || !check_history(runner, error) ||
      !check_late(runner, error))
    return false;
  runner->wanted = migrate_plan_pending_count(&runner->plan);
  if (runner->wanted == 0) {
    report(runner->reporter, SAY_STEP, "nothing to do: the database is up to date%s%s",
           runner->any_applied ? " at " : "", runner->any_applied ? runner->newest.text : "");
    return true;
  }
  lint_warn(runner);
  if (!apply_pending(runner, error)) return false;
  report(runner->reporter, SAY_STEP, "done: %zu migration%s applied; the database is at %s",
         runner->done, runner->done == 1 ? "" : "s", runner->newest.text);
  return true;
}

bool migrate_up(const struct migrate_options *options, const struct migrate_reporter *reporter,
                struct error *error) {
  struct runner runner = {.options = options, .reporter = reporter};
  bool done = run(&runner, error);
  runner_close(&runner);
  return done;
}
