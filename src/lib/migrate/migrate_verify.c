/* migrate_verify.c: migrate_verify(): every migration up, down and up in a scratch database. See
 * engine.h.
 */
#include "lib/base/encoding.h"
#include "lib/base/random.h"
#include "lib/migrate/diff.h"
#include "lib/migrate/run/apply.h"
#include "lib/migrate/state/fingerprint.h"

#include <stdlib.h>

enum { SCRATCH_RANDOM_BYTES = 6 };

struct verification {
  struct runner *runner; /* of the scratch database */
  size_t differences, without_down;
};

static bool run(struct verification *verification, const struct migration *migration, bool down,
                const struct version *before, struct error *error) {
  struct operation operation = {.migration = migration,
                                .section = down ? &migration->down : &migration->up,
                                .down = down,
                                .newest_after = down ? before : &migration->version};
  return apply_operation(verification->runner, &operation, error);
}

/* Compares the schema as it is now with `expected`; says the difference. */
static bool compare(struct verification *verification, const struct migration *migration,
                    const struct buffer *expected, const char *what, struct error *error) {
  struct buffer now = BUFFER_EMPTY;
  bool read = fingerprint_append(verification->runner->session, &now, error);
  if (read && !str_equal(buffer_str(expected), buffer_str(&now))) {
    struct buffer text = BUFFER_EMPTY;
    buffer_append_format(&text, "%s: error: %s\n", migration->path, what);
    diff_append(&text, buffer_str(expected), buffer_str(&now));
    while (text.length > 0 && text.data[text.length - 1] == '\n')
      text.length--;
    report(verification->runner->reporter, SAY_ERROR, "%s", buffer_text(&text));
    buffer_free(&text);
    verification->differences++;
  }
  buffer_free(&now);
  return read;
}

static bool up_down_up(struct verification *verification, const struct migration *migration,
                       const struct version *before, struct buffer *old, struct buffer *new,
                       struct error *error) {
  struct pg_session *session = verification->runner->session;
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

static bool verify_all(struct verification *verification, struct error *error) {
  struct runner *runner = verification->runner;
  bool done = runner_open(runner, RUNNER_WORK, error);
  for (size_t i = 0; i < runner->set.count && done; i++) {
    const struct version *before = i > 0 ? &runner->set.migrations[i - 1]->version : NULL;
    struct buffer old = BUFFER_EMPTY, new = BUFFER_EMPTY;
    done = up_down_up(verification, runner->set.migrations[i], before, &old, &new, error);
    buffer_free(&old);
    buffer_free(&new);
  }
  return done;
}

/* --- The scratch database --- */

static bool execute(struct runner *runner, const char *before, const char *name, const char *after,
                    struct error *error) {
  struct buffer sql = BUFFER_EMPTY;
  buffer_append_text(&sql, before);
  pg_append_identifier(&sql, str_from(name));
  buffer_append_text(&sql, after);
  bool done = pg_session_exec(runner->session, buffer_text(&sql), error);
  buffer_free(&sql);
  return done;
}

static void name_scratch(const struct runner *runner, struct buffer *name) {
  unsigned char bytes[SCRATCH_RANDOM_BYTES];
  random_bytes(bytes, sizeof(bytes));
  buffer_append_format(name, "%.30s_verify_", pg_session_database(runner->session));
  hex_append(name, bytes, sizeof(bytes));
}

static bool conclude(const struct verification *verification, struct error *error) {
  size_t count = verification->runner->set.count;
  if (verification->differences > 0) {
    return error_set(error, ERROR_CONFLICT, "%zu difference%s in %zu migrations",
                     verification->differences, verification->differences == 1 ? "" : "s", count);
  }
  report(verification->runner->reporter, SAY_STEP,
         "verified %zu migrations: each undoes what it does (%zu of them %s no way back)", count,
         verification->without_down, verification->without_down == 1 ? "has" : "have");
  return true;
}

static bool verify_in(struct runner *home, const char *scratch, struct error *error) {
  struct migrate_options options = *home->options;
  options.database = scratch;
  struct runner runner = {.options = &options, .reporter = home->reporter};
  struct verification verification = {.runner = &runner};
  bool done = verify_all(&verification, error) && conclude(&verification, error);
  runner_close(&runner);
  return done;
}

bool migrate_verify(const struct migrate_options *options, const struct migrate_reporter *reporter,
                    struct error *error) {
  struct runner home = {.options = options, .reporter = reporter};
  struct buffer scratch = BUFFER_EMPTY;
  bool done = runner_connect(&home, RUNNER_WORK, error);
  if (done) {
    name_scratch(&home, &scratch);
    if (execute(&home, "CREATE DATABASE ", buffer_text(&scratch), " TEMPLATE template0", error)) {
      done = verify_in(&home, buffer_text(&scratch), error);
      pg_session_set_interrupt(home.session, NULL); /* the scratch database goes in any case */
      if (!execute(&home, "DROP DATABASE IF EXISTS ", buffer_text(&scratch), " WITH (FORCE)", NULL))
        report(reporter, SAY_WARNING, "the scratch database %s could not be dropped: %s",
               buffer_text(&scratch), pg_session_failure(home.session)->message);
    } else {
      done = error_prefix(error, "could not create the scratch database");
    }
  }
  runner_close(&home);
  buffer_free(&scratch);
  return done;
}
