/* migration_cli.c: the flags, the screen and the signals of the commands of migrations.
 *
 * The first SIGINT or SIGTERM sets a flag, which the engine looks at: it cancels its statement,
 * rolls back and says what state things are in. A second one ends the process. */
#include "commands/migration_cli.h"

#include "commands/exit.h"

#include "lib/base/config.h"
#include "lib/pg/pg_session.h"

#include <assert.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- Printing --- */

static bool colours(FILE *stream) {
  return isatty(fileno(stream)) && !getenv("NO_COLOR");
}

static void clear_progress(void) {
  if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
}

/* What was asked for and what was done goes to stdout, the rest to stderr. */
static void print_said(void *unused, enum migrate_say kind, const char *text) {
  (void)unused;
  static const char *const COLOURS[] = {
      [SAY_STEP] = "\033[32m",  [SAY_NOTE] = "",           [SAY_WARNING] = "\033[33m",
      [SAY_ERROR] = "\033[31m", [SAY_WAITING] = "\033[2m", [SAY_PROGRESS] = "\033[2m",
      [SAY_OUTPUT] = ""};
  FILE *stream = kind == SAY_STEP || kind == SAY_OUTPUT ? stdout : stderr;
  clear_progress();
  if (kind == SAY_PROGRESS) {
    if (isatty(STDERR_FILENO)) fputs(text, stderr);
    return;
  }
  bool coloured = COLOURS[kind][0] && colours(stream);
  fprintf(stream, "%s%s%s\n", coloured ? COLOURS[kind] : "", text, coloured ? "\033[0m" : "");
  fflush(stream);
}

int migration_cli_finish(const struct migration_cli *cli, bool done, const struct error *error) {
  if (done) return EXIT_DONE;
  if (error->kind == ERROR_PENDING) return exit_code_of(error);
  clear_progress();
  bool coloured = colours(stderr);
  fprintf(stderr, "%scruddur %s: %s%s\n", coloured ? "\033[31m" : "", cli->command, error->message,
          coloured ? "\033[0m" : "");
  return exit_code_of(error);
}

/* --- Signals --- */

static atomic_bool interrupted; /* lock-free: a signal handler may set it (C17, 7.14.1.1) */

/* The first one lets the statement be cancelled and rolled back; a second one ends the process. */
static void on_signal(int number) {
  (void)number;
  atomic_store(&interrupted, true);
}

static void catch_signals(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

/* --- Flags --- */

static bool stop(struct migration_cli *cli, int exit_code) {
  cli->exit_code = exit_code;
  return false;
}

bool migration_cli_parse(struct migration_cli *cli, const struct subcommand *command, int argc,
                         char **argv) {
  *cli = (struct migration_cli){.command = command->name,
                                .options = MIGRATE_OPTIONS_DEFAULT,
                                .steps = 1,
                                .wait_s = MIGRATE_WAIT_MS / 1000,
                                .lock_timeout_ms = MIGRATE_LOCK_TIMEOUT_MS,
                                .lock_tries = MIGRATE_LOCK_TRIES};
  struct flag_words *words = command->word ? &cli->words : NULL;
  if (!flags_read(command, argc, argv, cli, words, &cli->exit_code)) return false;
  assert(cli->wait_s <= UINT_MAX / 1000 && cli->lock_timeout_ms <= UINT_MAX); /* as the rows say */
  cli->reporter.say = print_said;
  cli->options.interrupt = &interrupted;
  cli->options.wait_ms = (unsigned)cli->wait_s * 1000;
  cli->options.lock_timeout_ms = (unsigned)cli->lock_timeout_ms;
  cli->options.lock_tries = (unsigned)cli->lock_tries;
  catch_signals();
  return true;
}

bool migration_cli_connection(struct migration_cli *cli, bool required) {
  const char *url = getenv("CONNECTION_URL");
  if (!required && (!url || url[0] == '\0')) return true;
  struct config config = {0};
  struct error error = {0};
  if (!config_load(&config, CONFIG_DATABASE, &error) ||
      !pg_session_check_database(config.connection_url, &error))
    return stop(cli, exit_with(cli->command, &error));
  cli->options.connection_url = config.connection_url;
  return true;
}
