/* migrate_repair.c: accepts what files say now, forgets a resume point, or takes back an adoption.
 * See engine.h. */
#include "lib/migrate/run/runner.h"
#include "lib/migrate/state/adoption.h"
#include "lib/migrate/state/plan_check.h"

static bool accept(struct runner *runner, const struct migrate_plan_item *item,
                   struct error *error) {
  struct migrate_session *session = &runner->session;
  struct buffer sql = BUFFER_EMPTY;
  if (!runner_prepare_writing(runner, error)) return false;
  plan_check_say_difference(session->reporter, SAY_NOTE, item);
  history_append_accepted(&sql, item->migration, &item->entry->version);
  if (!migrate_session_send(session, &sql, error)) return false;
  report(session->reporter, SAY_STEP, "accepted %s_%s as its file says now",
         item->migration->version.text, item->migration->name);
  return true;
}

static bool accept_changed(struct runner *runner, const struct version *only, struct error *error) {
  size_t accepted = 0;
  for (size_t i = 0; i < runner->plan.count; i++) {
    const struct migrate_plan_item *item = &runner->plan.items[i];
    if (item->state != PLAN_CHANGED) continue;
    if (only && version_compare(&item->entry->version, only) != 0) continue;
    if (!accept(runner, item, error)) return false;
    accepted++;
  }
  if (accepted == 0) report(runner->session.reporter, SAY_STEP, "nothing to repair");
  return true;
}

static bool forget(struct runner *runner, const struct version *version, struct error *error) {
  struct migrate_session *session = &runner->session;
  const struct history_progress *progress = history_find_progress(&runner->history, version);
  if (!progress) {
    report(session->reporter, SAY_STEP, "%s has no resume point", version->text);
    return true;
  }
  if (!runner_prepare_writing(runner, error)) return false;
  struct buffer sql = BUFFER_EMPTY;
  history_append_progress_end(&sql, &progress->version);
  if (!migrate_session_send(session, &sql, error)) return false;
  report(session->reporter, SAY_STEP,
         "%s: the resume point is dropped; what its statements did stays", version->text);
  return true;
}

bool migrate_repair_adoption(const struct migrate_options *options,
                             const struct migrate_reporter *reporter, struct error *error) {
  _cleanup_(runner_close) struct runner runner = runner_new(options, reporter);
  if (!runner_open(&runner, RUNNER_WORK, error)) return false;
  size_t count = runner.plan.by_state[PLAN_ABSENT];
  if (count == 0) {
    report(reporter, SAY_STEP, "nothing to repair: the schema has whatever was adopted");
    return true;
  }
  if (!runner_prepare_writing(&runner, error)) return false;
  struct buffer sql = BUFFER_EMPTY;
  buffer_append_text(&sql, "BEGIN;\n");
  adoption_append_repair(&sql, &runner.set, &runner.history);
  buffer_append_text(&sql, "COMMIT;\n");
  if (!migrate_session_send(&runner.session, &sql, error)) return false;
  _cleanup_(buffer_free) struct buffer names = BUFFER_EMPTY;
  migrate_plan_append_names(&runner.plan, PLAN_ABSENT, &names);
  report(reporter, SAY_STEP, "%zu %s pending now; `cruddur migrate` applies %s: %s", count,
         count == 1 ? "is" : "are", count == 1 ? "it" : "them", buffer_text(&names));
  return true;
}

bool migrate_repair(const struct migrate_options *options, const char *version_text,
                    bool forget_progress, const struct migrate_reporter *reporter,
                    struct error *error) {
  _cleanup_(runner_close) struct runner runner = runner_new(options, reporter);
  struct version version;
  if (version_text && !version_parse(str_from(version_text), &version))
    return error_set(error, ERROR_INVALID,
                     "'%s' is no version, which is a number of up to %d digits", version_text,
                     VERSION_DIGITS_MAX);
  if (!runner_open(&runner, RUNNER_WORK, error)) return false;
  if (forget_progress) return forget(&runner, &version, error);
  return accept_changed(&runner, version_text ? &version : NULL, error);
}
