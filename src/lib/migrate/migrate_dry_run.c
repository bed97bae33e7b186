/* migrate_dry_run.c: prints the script that migrate_up() would execute: the settings, the history's
 * own tables where they are missing, and each pending migration. See engine.h. */
#include "lib/migrate/run/runner.h"
#include "lib/migrate/run/script.h"
#include "lib/migrate/state/adoption.h"
#include "lib/migrate/state/plan_check.h"
#include "lib/migrate/state/replaced_columns.h"

static void append_beginning(struct buffer *out, const struct runner *runner,
                             const struct script_context *context) {
  buffer_append_text(out, "-- the settings of the session\n");
  migrate_session_append_settings(out, context->server_version, context->lock_timeout_ms);
  buffer_append_char(out, '\n');
  if (runner->history.exists) return;
  buffer_append_text(out, "-- the history of migrations\nBEGIN;\n");
  adoption_append(out, &runner->set, &runner->history);
  buffer_append_text(out, "COMMIT;\n\n");
}

/* What a run would find in the database before each step; without one there is nothing. */
static bool look_at_indexes(struct script_list *list, struct pg_session *session,
                            struct error *error) {
  for (size_t i = 0; i < list->count && session; i++)
    for (size_t j = 0; j < list->scripts[i].count; j++)
      if (!script_look_at_index(&list->scripts[i].steps[j], session, error)) return false;
  return true;
}

static void print(const struct runner *runner, const struct script_context *context,
                  const struct script_list *list) {
  struct buffer out = BUFFER_EMPTY;
  append_beginning(&out, runner, context);
  for (size_t i = 0; i < list->count; i++)
    script_print(&list->scripts[i], &out);
  while (out.length > 0 && out.data[out.length - 1] == '\n')
    out.length--;
  report(runner->session.reporter, SAY_OUTPUT, "%s", buffer_text(&out));
  buffer_free(&out);
}

bool migrate_dry_run(const struct migrate_options *options, const struct migrate_reporter *reporter,
                     struct error *error) {
  _cleanup_(runner_close) struct runner runner = runner_new(options, reporter);
  const struct migrate_session *session = &runner.session;
  if (!session->options->connection_url)
    report(session->reporter, SAY_NOTE,
           "CONNECTION_URL is not set: shown is what an empty database would get");
  if (!runner_open_offline(&runner, error)) return false;
  if (!plan_check_settled(&runner.plan, session->options->allow_late, session->reporter, error) ||
      !(session->pg == NULL ||
        replaced_columns_check(&runner.plan, session->pg, session->reporter, error)))
    return false;
  if (runner.history.exists && migrate_plan_pending_count(&runner.plan) == 0) {
    report(session->reporter, SAY_OUTPUT, "-- nothing to do: the database is up to date");
    return true;
  }
  struct script_context context = script_context_new(session, &runner.history);
  const struct version *newest = history_newest(&runner.history);
  _cleanup_(script_list_free) struct script_list list = {0};
  if (!script_list_make(&runner.plan, &context, newest, &list, error) ||
      !look_at_indexes(&list, session->pg, error))
    return false;
  print(&runner, &context, &list);
  return true;
}
