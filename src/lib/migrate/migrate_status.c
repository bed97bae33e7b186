/* migrate_status.c: says what is applied and what is pending. See engine.h. */
#include "lib/base/json_writer.h"
#include "lib/migrate/run/runner.h"

static const char *item_name(const struct migrate_plan_item *item) {
  return item->migration ? item->migration->name : item->entry->name;
}

/* --- For people --- */

static void append_line(struct buffer *out, const struct migrate_plan_item *item) {
  buffer_append_format(out, "%-13s %s_%s", migrate_plan_state_name(item->state),
                       migrate_plan_item_version(item)->text, item_name(item));
  const struct history_entry *entry = item->entry;
  if (entry && entry->applied_at[0])
    buffer_append_format(out, "  (%s by %s%s)", entry->applied_at, entry->applied_by,
                         entry->adopted ? ", found in the schema" : "");
  else if (entry)
    buffer_append_text(out, "  (found in the schema)");
  if (item->progress && !entry && (item->progress->done > 0 || item->progress->running))
    buffer_append_format(out, "  (%zu of %zu statements done)", item->progress->done,
                         item->migration->up.count);
  buffer_append_char(out, '\n');
}

static void append_advice(struct buffer *out, const struct migrate_plan *plan) {
  size_t pending = migrate_plan_pending_count(plan);
  if (plan->by_state[PLAN_CHANGED] > 0)
    buffer_append_text(out, "changed: the file says something else than what was applied; `cruddur "
                            "migrate` shows the difference, `cruddur repair` accepts it\n");
  if (plan->by_state[PLAN_MISSING] > 0)
    buffer_append_text(out, "missing: applied, but there is no such migration here\n");
  if (plan->by_state[PLAN_LATE] > 0)
    buffer_append_text(out, "late: older than the newest applied; `cruddur migrate --allow-late` "
                            "applies it\n");
  if (plan->by_state[PLAN_PARTIAL] > 0)
    buffer_append_text(out, "partial: begun and not finished; `cruddur migrate` goes on with it\n");
  if (plan->by_state[PLAN_PARTIAL_DOWN] > 0)
    buffer_append_text(out,
                       "partial-down: its rollback was begun; `cruddur rollback` finishes it\n");
  if (pending > 0)
    buffer_append_format(out, "%zu pending", pending);
  else
    buffer_append_text(out, "up to date");
}

static void append_table(struct buffer *out, const struct runner *runner) {
  const struct history *history = &runner->history;
  buffer_append_format(out, "database %s, last_successful_run %s%s\n",
                       pg_session_database(runner->session.pg),
                       history->last_successful_run ? history->last_successful_run : "not there",
                       history->exists ? "" : ", no history of migrations yet");
  for (size_t i = 0; i < runner->plan.count; i++)
    append_line(out, &runner->plan.items[i]);
  append_advice(out, &runner->plan);
}

/* --- As JSON --- */

static void append_key(struct buffer *out, const char *key) {
  if (out->data[out->length - 1] != '{') buffer_append_char(out, ',');
  json_append_string(out, str_from(key));
  buffer_append_char(out, ':');
}

static void append_text(struct buffer *out, const char *key, const char *value) {
  append_key(out, key);
  if (value && value[0])
    json_append_string(out, str_from(value));
  else
    buffer_append_text(out, "null");
}

static void append_bool(struct buffer *out, const char *key, bool value) {
  append_key(out, key);
  buffer_append_text(out, value ? "true" : "false");
}

static void append_item(struct buffer *out, const struct migrate_plan_item *item) {
  const struct history_entry *entry = item->entry;
  buffer_append_char(out, '{');
  append_text(out, "version", migrate_plan_item_version(item)->text);
  append_text(out, "name", item_name(item));
  append_text(out, "state", migrate_plan_state_name(item->state));
  append_bool(out, "pending", migrate_plan_item_is_pending(item));
  append_text(out, "applied_at", entry ? entry->applied_at : NULL);
  append_text(out, "applied_by", entry ? entry->applied_by : NULL);
  append_key(out, "duration_ms");
  if (entry && entry->duration_ms >= 0)
    json_append_int(out, entry->duration_ms);
  else
    buffer_append_text(out, "null");
  append_bool(out, "adopted", entry && entry->adopted);
  append_key(out, "statements_done");
  if (item->progress)
    json_append_int(out, (long long)item->progress->done);
  else
    buffer_append_text(out, "null");
  buffer_append_char(out, '}');
}

static void append_json(struct buffer *out, const struct runner *runner) {
  const struct version *newest = history_newest(&runner->history);
  buffer_append_char(out, '{');
  append_bool(out, "up_to_date", migrate_plan_pending_count(&runner->plan) == 0);
  append_text(out, "database", pg_session_database(runner->session.pg));
  append_bool(out, "has_history", runner->history.exists);
  append_text(out, "last_successful_run", runner->history.last_successful_run);
  append_text(out, "newest_applied", newest ? newest->text : NULL);
  append_key(out, "pending");
  json_append_int(out, (long long)migrate_plan_pending_count(&runner->plan));
  append_key(out, "migrations");
  buffer_append_char(out, '[');
  for (size_t i = 0; i < runner->plan.count; i++) {
    if (i > 0) buffer_append_char(out, ',');
    append_item(out, &runner->plan.items[i]);
  }
  buffer_append_text(out, "]}");
}

bool migrate_status(const struct migrate_options *options, bool json,
                    const struct migrate_reporter *reporter, struct error *error) {
  struct runner runner = runner_new(options, reporter);
  bool up_to_date = runner_open(&runner, RUNNER_READ, error);
  if (up_to_date) {
    struct buffer out = BUFFER_EMPTY;
    if (json)
      append_json(&out, &runner);
    else
      append_table(&out, &runner);
    report(reporter, SAY_OUTPUT, "%s", buffer_text(&out));
    buffer_free(&out);
    size_t pending = migrate_plan_pending_count(&runner.plan);
    if (pending > 0)
      up_to_date = error_set(error, ERROR_PENDING, "%zu pending; run `cruddur migrate`", pending);
  }
  runner_close(&runner);
  return up_to_date;
}
