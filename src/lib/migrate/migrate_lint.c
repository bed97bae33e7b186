/* migrate_lint.c: says what may hurt in the migrations that are pending. See engine.h. */
#include "lib/migrate/migrate_lint.h"

#include "lib/migrate/file/lint.h"
#include "lib/migrate/run/runner.h"
#include "lib/migrate/state/catalog.h"

enum { BIG_TABLE_BYTES = 8 * 1024 * 1024 };

struct lint_tally {
  const struct migrate_reporter *reporter;
  struct pg_session *session;
  size_t findings;
};

static void say_finding(const struct lint_finding *finding, void *argument) {
  struct lint_tally *tally = argument;
  tally->findings++;
  report_remark(tally->reporter, SAY_WARNING,
                &(struct source_remark){.path = finding->migration->path,
                                        .text = migration_text(finding->migration),
                                        .offset = finding->offset,
                                        .severity = "warning",
                                        .message = finding->message,
                                        .code = finding->rule,
                                        .hint = finding->hint});
}

static bool is_small_in_database(struct str table, void *argument) {
  struct lint_tally *tally = argument;
  return tally->session && catalog_table_is_smaller(tally->session, table, BIG_TABLE_BYTES);
}

size_t migrate_lint_warn(const struct migrate_plan *plan, struct pg_session *session,
                         const struct migrate_reporter *reporter) {
  struct lint_tally tally = {.reporter = reporter, .session = session};
  for (size_t i = 0; i < plan->count; i++)
    if (migrate_plan_item_is_pending(&plan->items[i]))
      lint_migration(plan->items[i].migration, say_finding, is_small_in_database, &tally);
  return tally.findings;
}

bool migrate_lint(const struct migrate_options *options, const struct migrate_reporter *reporter,
                  struct error *error) {
  _cleanup_(runner_close) struct runner runner = runner_new(options, reporter);
  const struct migrate_session *session = &runner.session;
  if (!runner_open_offline(&runner, error)) return false;
  size_t findings = migrate_lint_warn(&runner.plan, session->pg, session->reporter);
  if (findings > 0)
    return error_set(error, ERROR_CONFLICT, "%zu finding%s; '-- lint:allow RULE' lets one pass",
                     findings, findings == 1 ? "" : "s");
  size_t pending = migrate_plan_pending_count(&runner.plan);
  report(session->reporter, SAY_STEP, "nothing found in %zu migration%s", pending,
         pending == 1 ? "" : "s");
  return true;
}
