/* migrate_status.c: says what is applied and what is pending. See engine.h. */
#include "lib/migrate/migrate_drift.h"
#include "lib/migrate/run/runner.h"
#include "lib/migrate/state/table_sizes.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

static const char *item_name(const struct migrate_plan_item *item) {
  assert(item->migration || item->entry);
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
  if (plan->by_state[PLAN_ABSENT] > 0)
    buffer_append_text(out, "absent: recorded as found in the schema, but not there; `cruddur "
                            "repair --adoption` makes it pending, then `cruddur migrate` applies "
                            "it\n");
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
  else if (plan->by_state[PLAN_ABSENT] > 0)
    buffer_append_format(out, "%zu adopted wrongly", plan->by_state[PLAN_ABSENT]);
  else
    buffer_append_text(out, "up to date");
}

static void append_table(struct buffer *out, const struct runner *runner) {
  const struct history *history = &runner->history;
  buffer_append_format(out, "database %s, last_successful_run %s%s\n",
                       pg_session_database(runner->session.pg),
                       history->last_successful_run ? history->last_successful_run : "not there",
                       history->exists ? "" : ", no history of migrations yet");
  if (history->has_mark)
    buffer_append_format(out, "another runner's last run, found at adoption: %s\n",
                         history->mark.text);
  for (size_t i = 0; i < runner->plan.count; i++)
    append_line(out, &runner->plan.items[i]);
  append_advice(out, &runner->plan);
}

struct side {
  struct buffer *out;
  bool here; /* the objects that only the database has; else those of db/schema.sql */
  size_t count;
};

/* The first line of each: a function has many. */
static void append_object(bool only_here, const char *object, void *argument) {
  struct side *side = argument;
  if (only_here != side->here) return;
  const char *end = strchr(object, '\n');
  buffer_append_format(side->out, "\n  %.*s%s",
                       (int)(end ? end - object : (ptrdiff_t)strlen(object)), object,
                       end ? " …" : "");
  side->count++;
}

static void append_drift(struct buffer *out, const struct migrate_drift *drift) {
  struct side here = {.out = out, .here = true}, there = {.out = out};
  buffer_append_text(out, "\nonly in the database:");
  migrate_drift_each(drift, append_object, &here);
  buffer_append_text(out, here.count ? "" : " nothing");
  buffer_append_text(out, "\nonly in db/schema.sql:");
  migrate_drift_each(drift, append_object, &there);
  buffer_append_text(out, there.count ? "" : " nothing");
}

/* --- As JSON --- */

static const char *text_or_null(const char *text) {
  return text && text[0] ? text : NULL;
}

/* "s?": null for NULL. */
static json_t *item_as_json(const struct migrate_plan_item *item) {
  const struct history_entry *entry = item->entry;
  json_t *duration = entry && entry->duration_ms >= 0 ? json_integer(entry->duration_ms) : NULL;
  json_t *done = item->progress ? json_integer((json_int_t)item->progress->done) : NULL;
  return json_pack("{s:s, s:s, s:s, s:b, s:s?, s:s?, s:o?, s:b, s:o?}", "version",
                   migrate_plan_item_version(item)->text, "name", item_name(item), "state",
                   migrate_plan_state_name(item->state), "pending",
                   migrate_plan_item_is_pending(item), "applied_at",
                   entry ? text_or_null(entry->applied_at) : NULL, "applied_by",
                   entry ? text_or_null(entry->applied_by) : NULL, "duration_ms", duration,
                   "adopted", entry && entry->adopted, "statements_done", done);
}

static void add_object(bool only_here, const char *object, void *argument) {
  json_t *drift = argument;
  json_t *side = json_object_get(drift, only_here ? "only_in_database" : "only_in_schema");
  json_array_append_new(side, json_string(object));
}

static json_t *drift_as_json(const struct migrate_drift *drift) {
  json_t *json = json_pack("{s:[], s:[]}", "only_in_database", "only_in_schema");
  if (json) migrate_drift_each(drift, add_object, json);
  return json;
}

static json_t *status_as_json(const struct runner *runner) {
  const struct history *history = &runner->history;
  const struct version *newest = history_newest(history);
  size_t pending = migrate_plan_pending_count(&runner->plan);
  size_t absent = runner->plan.by_state[PLAN_ABSENT];
  json_t *items = json_array();
  for (size_t i = 0; i < runner->plan.count; i++)
    json_array_append_new(items, item_as_json(&runner->plan.items[i]));
  return json_pack(
      "{s:b, s:s, s:b, s:s?, s:s?, s:s?, s:I, s:I, s:o}", "up_to_date", pending + absent == 0,
      "database", pg_session_database(runner->session.pg), "has_history", history->exists,
      "last_successful_run", text_or_null(history->last_successful_run), "adopted_mark",
      history->has_mark ? history->mark.text : NULL, "newest_applied", newest ? newest->text : NULL,
      "pending", (json_int_t)pending, "absent", (json_int_t)absent, "migrations", items);
}

static void append_json(struct buffer *out, const struct runner *runner,
                        const struct migrate_drift *drift) {
  json_t *json = status_as_json(runner);
  if (drift) json_object_set_new(json, "drift", drift_as_json(drift));
  char *text = json_dumps(json, JSON_COMPACT);
  if (text) buffer_append_text(out, text);
  free(text);
  json_decref(json);
}

/* --- Both --- */

static bool write_sizes(struct pg_session *session, const char *path, struct error *error) {
  struct table_sizes sizes = {0};
  bool done = table_sizes_read(session, &sizes, error) && table_sizes_save(&sizes, path, error);
  table_sizes_free(&sizes);
  return done;
}

static bool judge(const struct migrate_plan *plan, struct error *error) {
  if (plan->by_state[PLAN_ABSENT] > 0)
    return error_set(error, ERROR_PENDING, "adopted wrongly; run `cruddur repair --adoption`");
  size_t pending = migrate_plan_pending_count(plan);
  if (pending == 0) return true;
  return error_set(error, ERROR_PENDING, "%zu pending; run `cruddur migrate`", pending);
}

bool migrate_status(const struct migrate_options *options,
                    const struct migrate_status_options *status,
                    const struct migrate_reporter *reporter, struct error *error) {
  _cleanup_(runner_close) struct runner runner = runner_new(options, reporter);
  _cleanup_(migrate_drift_free) struct migrate_drift drift = {0};
  if (!runner_open(&runner, RUNNER_READ, error) ||
      (status->sizes_path && !write_sizes(runner.session.pg, status->sizes_path, error)) ||
      (status->drift && !migrate_drift_find(options, reporter, &drift, error)))
    return false;
  _cleanup_(buffer_free) struct buffer out = BUFFER_EMPTY;
  if (status->json)
    append_json(&out, &runner, status->drift ? &drift : NULL);
  else
    append_table(&out, &runner);
  if (status->drift && !status->json) append_drift(&out, &drift);
  report(reporter, SAY_OUTPUT, "%s", buffer_text(&out));
  return judge(&runner.plan, error);
}
