/* scratch.c: see scratch.h. Two sessions: the one at home makes and drops the scratch database, the
 * caller's works in it. The one at home waits idle meanwhile. */
#include "lib/migrate/run/scratch.h"

#include "lib/base/encoding.h"
#include "lib/base/random.h"
#include "lib/migrate/run/runner.h"

enum { SCRATCH_RANDOM_BYTES = 6 };

static bool send(struct migrate_session *home, const char *before, const struct buffer *name,
                 const char *after, struct error *error) {
  struct buffer sql = BUFFER_EMPTY;
  buffer_append_text(&sql, before);
  pg_session_append_identifier(&sql, buffer_str(name));
  buffer_append_text(&sql, after);
  return migrate_session_send(home, &sql, error);
}

static void append_name(const struct migrate_session *home, const char *what, struct buffer *name) {
  unsigned char bytes[SCRATCH_RANDOM_BYTES];
  random_bytes(bytes, sizeof(bytes));
  buffer_append_format(name, "%.30s_%s_", pg_session_database(home->pg), what);
  encoding_hex_append(name, bytes, sizeof(bytes));
}

/* It has nothing to do while others work, and no lock that it keeps. */
static bool wait_patiently(struct migrate_session *home, struct error *error) {
  struct buffer sql = BUFFER_EMPTY;
  if (pg_session_server_version(home->pg) >= 140000)
    buffer_append_text(&sql, "SET idle_session_timeout = 0;\n");
  return migrate_session_send(home, &sql, error);
}

bool scratch_open(struct scratch *scratch, const struct migrate_options *options, const char *what,
                  const struct migrate_reporter *reporter, struct error *error) {
  struct migrate_session *home = &scratch->home;
  *scratch = (struct scratch){.home = {.options = options, .reporter = reporter}};
  if (!runner_connect(home, error) || !migrate_session_refuse_read_only(home, error) ||
      !wait_patiently(home, error))
    return false;
  append_name(home, what, &scratch->name);
  if (send(home, "CREATE DATABASE ", &scratch->name, " TEMPLATE template0", error)) return true;
  buffer_free(&scratch->name);
  return error_prefix(error, "could not create the scratch database");
}

const char *scratch_name(struct scratch *scratch) {
  return buffer_text(&scratch->name);
}

void scratch_close(struct scratch *scratch) {
  struct migrate_session *home = &scratch->home;
  if (scratch->name.length > 0) {
    struct error error;
    pg_session_set_interrupt(home->pg, NULL);
    if (!send(home, "DROP DATABASE IF EXISTS ", &scratch->name, " WITH (FORCE)", &error))
      report(home->reporter, SAY_WARNING, "the scratch database %s could not be dropped: %s",
             scratch_name(scratch), error.message);
  }
  buffer_free(&scratch->name);
  migrate_session_close(home);
}
