/* migrate_lint.c: says what may hurt in the migrations that are pending. See engine.h. */
#include "lib/migrate/migrate_lint.h"

#include "lib/migrate/file/lint.h"
#include "lib/migrate/run/runner.h"
#include "lib/migrate/state/table_sizes.h"

enum { BIG_TABLE_BYTES = 8 * 1024 * 1024 };

struct lint_tally {
  const struct migrate_reporter *reporter;
  struct pg_session *session;      /* that is asked how large tables are; NULL: none */
  const struct table_sizes *sizes; /* in place of it; NULL: none */
  size_t findings;
};

/* False when nobody knows. A table that is not there is new. */
static bool find_size(const struct lint_tally *tally, struct str name,
                      struct table_size *ret_size) {
  if (!tally->sizes) return tally->session && table_sizes_ask(tally->session, name, ret_size);
  const struct table_size *table = table_sizes_find(tally->sizes, name);
  *ret_size = table ? *table : (struct table_size){0};
  return true;
}

static void append_size(struct buffer *out, const struct table_size *table) {
  static const char *const UNITS[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double size = (double)table->bytes;
  size_t unit = 0;
  for (; size >= 1024 && unit + 1 < sizeof(UNITS) / sizeof(UNITS[0]); unit++)
    size /= 1024;
  buffer_append_format(out, "; it has %.*f %s, about %llu rows", unit > 0 ? 1 : 0, size,
                       UNITS[unit], (unsigned long long)table->rows);
}

/* The lock, the table, and its size where that is known. */
static void append_detail(struct buffer *out, const struct lint_finding *finding,
                          const struct lint_tally *tally) {
  struct table_size size = {0};
  if (!finding->lock) return;
  buffer_append_format(out, "lock: %s", finding->lock);
  if (finding->table.length == 0) return;
  buffer_append_format(out, "; on %.*s", (int)finding->table.length, finding->table.data);
  if (find_size(tally, finding->table, &size) && size.bytes > 0) append_size(out, &size);
}

static void say_finding(const struct lint_finding *finding, void *argument) {
  struct lint_tally *tally = argument;
  struct buffer detail = BUFFER_EMPTY;
  tally->findings++;
  append_detail(&detail, finding, tally);
  report_remark(tally->reporter, SAY_WARNING,
                &(struct source_remark){.path = finding->migration->path,
                                        .text = migration_text(finding->migration),
                                        .offset = finding->offset,
                                        .severity = "warning",
                                        .message = finding->message,
                                        .code = finding->rule,
                                        .detail = buffer_text(&detail),
                                        .hint = finding->hint});
  buffer_free(&detail);
}

static bool is_small(struct str name, void *argument) {
  struct table_size size;
  return find_size(argument, name, &size) && size.bytes < BIG_TABLE_BYTES;
}

static void lint_pending(const struct migrate_plan *plan, struct lint_tally *tally) {
  for (size_t i = 0; i < plan->count; i++)
    if (migrate_plan_item_is_pending(&plan->items[i]))
      lint_migration(plan->items[i].migration, say_finding, is_small, tally);
}

void migrate_lint_warn(const struct migrate_plan *plan, struct pg_session *session,
                       const struct migrate_reporter *reporter) {
  lint_pending(plan, &(struct lint_tally){.reporter = reporter, .session = session});
}

bool migrate_lint(const struct migrate_options *options, const char *sizes_path,
                  const struct migrate_reporter *reporter, struct error *error) {
  _cleanup_(runner_close) struct runner runner = runner_new(options, reporter);
  _cleanup_(table_sizes_free) struct table_sizes sizes = {0};
  const struct migrate_session *session = &runner.session;
  if (!runner_open_offline(&runner, error)) return false;
  if (sizes_path && !table_sizes_load(sizes_path, &sizes, error)) return false;
  struct lint_tally tally = {
      .reporter = session->reporter, .session = session->pg, .sizes = sizes_path ? &sizes : NULL};
  lint_pending(&runner.plan, &tally);
  size_t findings = tally.findings;
  if (findings > 0)
    return error_set(error, ERROR_CONFLICT, "%zu finding%s; '-- lint:allow RULE' lets one pass",
                     findings, findings == 1 ? "" : "s");
  size_t pending = migrate_plan_pending_count(&runner.plan);
  report(session->reporter, SAY_STEP, "nothing found in %zu migration%s", pending,
         pending == 1 ? "" : "s");
  return true;
}
