/* migrate_verify.c: every migration up, down and up in a scratch database. See engine.h. */
#include "lib/migrate/diff.h"
#include "lib/migrate/run/execute.h"
#include "lib/migrate/run/runner.h"
#include "lib/migrate/run/scratch.h"
#include "lib/migrate/state/fingerprint.h"

struct verification {
  struct execution execution; /* in the scratch database */
  struct script_context context;
  size_t differences, without_down;
};

static bool run(struct verification *verification, const struct migration *migration, bool down,
                const struct version *before, struct error *error) {
  struct script script = {.context = &verification->context,
                          .migration = migration,
                          .down = down,
                          .newest_after = down ? before : &migration->version};
  bool done =
      script_make(&script, error) && execute_script(&verification->execution, &script, error);
  script_free(&script);
  return done;
}

/* Compares the schema as it is now with `expected`; says the difference. */
static bool compare(struct verification *verification, const struct migration *migration,
                    const struct buffer *expected, const char *what, struct error *error) {
  struct buffer now = BUFFER_EMPTY;
  bool read = fingerprint_append(verification->execution.session->pg, &now, error);
  if (read && !str_equal(buffer_str(expected), buffer_str(&now))) {
    struct buffer text = BUFFER_EMPTY;
    buffer_append_format(&text, "%s: error: %s\n", migration->path, what);
    diff_append(&text, buffer_str(expected), buffer_str(&now));
    while (text.length > 0 && text.data[text.length - 1] == '\n')
      text.length--;
    report(verification->execution.session->reporter, SAY_ERROR, "%s", buffer_text(&text));
    buffer_free(&text);
    verification->differences++;
  }
  buffer_free(&now);
  return read;
}

static bool up_down_up(struct verification *verification, const struct migration *migration,
                       const struct version *before, struct buffer *old, struct buffer *new,
                       struct error *error) {
  struct pg_session *session = verification->execution.session->pg;
  if (!fingerprint_append(session, old, error) ||
      !run(verification, migration, false, before, error))
    return false;
  if (!migration->down.present) {
    verification->without_down++;
    return true;
  }
  return fingerprint_append(session, new, error) &&
         run(verification, migration, true, before, error) &&
         compare(verification, migration, old,
                 "its way back leads elsewhere: - the schema before it, + after up and down",
                 error) &&
         run(verification, migration, false, before, error) &&
         compare(
             verification, migration, new,
             "its second way up leads elsewhere: - the schema after up, + after up, down and up",
             error);
}

static bool verify_all(struct verification *verification, const struct migration_set *set,
                       struct error *error) {
  for (size_t i = 0; i < set->count; i++) {
    const struct version *before = i > 0 ? &set->migrations[i - 1]->version : NULL;
    struct buffer old = BUFFER_EMPTY, new = BUFFER_EMPTY;
    bool done = up_down_up(verification, set->migrations[i], before, &old, &new, error);
    buffer_free(&old);
    buffer_free(&new);
    if (!done) return false;
  }
  return true;
}

static bool conclude(const struct verification *verification, size_t count, struct error *error) {
  size_t differences = verification->differences, without_down = verification->without_down;
  if (differences > 0)
    return error_set(error, ERROR_CONFLICT, "%zu difference%s in %zu migrations", differences,
                     differences == 1 ? "" : "s", count);
  report(verification->execution.session->reporter, SAY_STEP,
         "verified %zu migrations: each undoes what it does (%zu of them %s no way back)", count,
         without_down, without_down == 1 ? "has" : "have");
  return true;
}

static bool verify_in(const struct migrate_session *home, const char *scratch,
                      struct error *error) {
  struct migrate_options options = *home->options;
  options.database = scratch;
  _cleanup_(runner_close) struct runner runner = runner_new(&options, home->reporter);
  if (!runner_open(&runner, RUNNER_WORK, error)) return false;
  struct verification verification = {.execution = {.session = &runner.session},
                                      .context =
                                          script_context_new(&runner.session, &runner.history)};
  return verify_all(&verification, &runner.set, error) &&
         conclude(&verification, runner.set.count, error);
}

bool migrate_verify(const struct migrate_options *options, const struct migrate_reporter *reporter,
                    struct error *error) {
  _cleanup_(scratch_close) struct scratch scratch = {0};
  if (!scratch_open(&scratch, options, "verify", reporter, error)) return false;
  return verify_in(&scratch.home, scratch_name(&scratch), error);
}
