/* purge_command.c: `cruddur purge`: deletes activities that expired some time ago, in small
 * batches. */
#include "commands/commands.h"
#include "commands/exit.h"

#include "lib/base/config.h"
#include "lib/pg/pg_session.h"
#include "lib/pg/statements.h"

#include <stdio.h>
#include <unistd.h>

static const char COMMAND[] = "purge";

enum { SECOND = 1, MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

#define OLDER_THAN_DEFAULT_S (7ULL * DAY)
#define OLDER_THAN_MOST_S    (36500ULL * DAY)
#define BATCH_ROWS           "1000" /* some tens of milliseconds of one connection */

struct purge_wish {
  uint64_t older_than_s;
  bool dry_run;
};

/* Where the last batch ended, and what was done so far. */
struct purge {
  struct pg_session *session;
  const char *delete; /* "true" or "false" */
  char before[40], expires_at[40], created_at[40], uuid[40];
  uint64_t looked_at, done;
};

static bool read_age(const char *text, void *target, struct error *error) {
  static const struct {
    char unit;
    uint64_t seconds;
  } UNITS[] = {{'s', SECOND}, {'m', MINUTE}, {'h', HOUR}, {'d', DAY}};
  struct purge_wish *wish = target;
  size_t length = strlen(text);
  for (size_t i = 0; length > 0 && i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
    uint64_t number, most = OLDER_THAN_MOST_S / UNITS[i].seconds;
    if (text[length - 1] != UNITS[i].unit) continue;
    if (!str_to_u64((struct str){text, length - 1}, 0, most, &number)) break;
    wish->older_than_s = number * UNITS[i].seconds;
    return true;
  }
  return error_set(error, ERROR_INVALID,
                   "must be a number with s, m, h or d behind it, at most 36500d; for example 7d");
}

static void copy_text(char *to, size_t size, const struct pg_rows *rows, size_t column) {
  snprintf(to, size, "%s", pg_session_rows_text(rows, 0, column));
}

static bool begin(struct purge *purge, uint64_t older_than_s, struct error *error) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  char seconds[24];
  snprintf(seconds, sizeof(seconds), "%llu", (unsigned long long)older_than_s);
  if (!pg_session_query(purge->session,
                        "SELECT timezone('UTC', now()) - $1::bigint * interval '1 second'", 1,
                        (const char *const[]){seconds}, &rows, error))
    return false;
  copy_text(purge->before, sizeof(purge->before), rows, 0);
  snprintf(purge->expires_at, sizeof(purge->expires_at), "-infinity");
  snprintf(purge->created_at, sizeof(purge->created_at), "-infinity");
  snprintf(purge->uuid, sizeof(purge->uuid), "00000000-0000-0000-0000-000000000000");
  return true;
}

/* `*ret_more` says whether it found anything. */
static bool run_batch(struct purge *purge, bool *ret_more, struct error *error) {
  enum { EXPIRES_AT, CREATED_AT, UUID, LOOKED_AT, DONE };
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  const char *const parameters[] = {purge->before, purge->expires_at, purge->created_at,
                                    purge->uuid,   BATCH_ROWS,        purge->delete};
  if (!pg_session_query(purge->session, pg_statement_sources[PG_ACTIVITIES_PURGE].sql,
                        sizeof(parameters) / sizeof(parameters[0]), parameters, &rows, error))
    return false;
  *ret_more = pg_session_rows_count(rows) > 0;
  if (!*ret_more) return true;
  copy_text(purge->expires_at, sizeof(purge->expires_at), rows, EXPIRES_AT);
  copy_text(purge->created_at, sizeof(purge->created_at), rows, CREATED_AT);
  copy_text(purge->uuid, sizeof(purge->uuid), rows, UUID);
  purge->looked_at += (uint64_t)pg_session_rows_integer(rows, 0, LOOKED_AT);
  purge->done += (uint64_t)pg_session_rows_integer(rows, 0, DONE);
  return true;
}

static bool run_batches(struct purge *purge, struct error *error) {
  bool draws = isatty(STDERR_FILENO), more = true, good = true;
  while (good && more) {
    good = run_batch(purge, &more, error);
    if (draws)
      fprintf(stderr, "\r%llu looked at, expired until %.19s", (unsigned long long)purge->looked_at,
              purge->expires_at);
  }
  if (draws) fputs("\r\033[K", stderr);
  return good;
}

static bool run(const struct config *config, const struct purge_wish *wish, struct purge *purge,
                struct error *error) {
  _cleanup_(pg_session_close_p) struct pg_session *session = NULL;
  struct pg_session_options options = {.connection_url = config->connection_url,
                                       .application_name = "cruddur purge"};
  if (!pg_session_open(&options, &session, error)) return false;
  purge->session = session;
  purge->delete = wish->dry_run ? "false" : "true";
  return begin(purge, wish->older_than_s, error) && run_batches(purge, error);
}

static int command_purge(int argc, char **argv) {
  struct purge_wish wish = {.older_than_s = OLDER_THAN_DEFAULT_S};
  int code;
  if (!flags_read(&purge_command, argc, argv, &wish, NULL, &code)) return code;
  struct config config;
  struct purge purge = {0};
  struct error error = {0};
  bool good = config_load(&config, CONFIG_DATABASE, &error) && run(&config, &wish, &purge, &error);
  if (good || purge.done > 0)
    printf("%llu %s, %llu kept\n", (unsigned long long)purge.done,
           wish.dry_run ? "would be deleted" : "deleted",
           (unsigned long long)(purge.looked_at - purge.done));
  return good ? EXIT_DONE : exit_with(COMMAND, &error);
}

static const struct flag FLAGS[] = {
    FLAG_OTHER(0, "older-than", "AGE", read_age,
               "take what expired this long ago or longer: 12h, 7d (the default), 30d"),
    FLAG_SWITCH('n', "dry-run", struct purge_wish, dry_run,
                "count what would go and delete nothing"),
    FLAG_END,
};

const struct subcommand purge_command = {
    .name = "purge",
    .summary = "delete activities that expired long ago",
    .usage = "cruddur purge [--older-than AGE] [--dry-run]",
    .description =
        "Deletes rows of public.activities (of CONNECTION_URL) that expired some time ago, in\n"
        "batches of 1,000 that each commit, while the service goes on. No answer changes: what "
        "has\n"
        "expired is in none. Kept are activities that a living reply answers, and expired replies "
        "of\n"
        "a living activity, which counts them. It can be stopped at any time and run again, by\n"
        "several at once too. Prints how many rows went and how many stayed.",
    .flags = FLAGS,
    .exits = {[EXIT_DONE] = "",
              [EXIT_FAILED] = "a batch failed; the batches before it are done",
              [EXIT_USAGE] = "",
              [EXIT_UNAVAILABLE] = "the database was not reached, or was lost",
              [EXIT_CREDENTIALS] = ""},
    .run = command_purge,
};
