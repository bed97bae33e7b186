/* migration_cli.c: see migration_cli.h. */
#include "commands/migration_cli.h"

#include "commands/exit.h"

#include "lib/base/config.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOCK_TIMEOUT_MAX_MS = 3600000, WAIT_MAX_S = 86400, TRIES_MAX = 1000, STEPS_MAX = 100000 };

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

enum {
  OPTION_DIR = 256,
  OPTION_WAIT,
  OPTION_LOCK_TIMEOUT,
  OPTION_LOCK_TRIES,
  OPTION_ALLOW_LATE,
  OPTION_DRY_RUN,
  OPTION_REHEARSE,
  OPTION_LINT,
  OPTION_STEPS,
  OPTION_TO,
  OPTION_JSON,
  OPTION_FORGET,
};

static const struct {
  unsigned flag;
  struct option option;
} KNOWN[] = {
    {FLAG_DIR, {"dir", required_argument, NULL, OPTION_DIR}},
    {FLAG_RUN, {"wait", required_argument, NULL, OPTION_WAIT}},
    {FLAG_RUN, {"lock-timeout", required_argument, NULL, OPTION_LOCK_TIMEOUT}},
    {FLAG_RUN, {"lock-tries", required_argument, NULL, OPTION_LOCK_TRIES}},
    {FLAG_ALLOW_LATE, {"allow-late", no_argument, NULL, OPTION_ALLOW_LATE}},
    {FLAG_DRY_RUN, {"dry-run", no_argument, NULL, OPTION_DRY_RUN}},
    {FLAG_REHEARSE, {"rehearse", no_argument, NULL, OPTION_REHEARSE}},
    {FLAG_LINT, {"lint", no_argument, NULL, OPTION_LINT}},
    {FLAG_STEPS, {"steps", required_argument, NULL, OPTION_STEPS}},
    {FLAG_TO, {"to", required_argument, NULL, OPTION_TO}},
    {FLAG_JSON, {"json", no_argument, NULL, OPTION_JSON}},
    {FLAG_FORGET, {"forget", no_argument, NULL, OPTION_FORGET}},
};

enum { KNOWN_COUNT = sizeof(KNOWN) / sizeof(KNOWN[0]) };

static bool read_number(const struct migration_cli *cli, const char *flag, unsigned long lowest,
                        unsigned long highest, unsigned long *ret_number) {
  char *end = NULL;
  errno = 0;
  unsigned long number = strtoul(optarg, &end, 10);
  bool fine = optarg[0] >= '0' && optarg[0] <= '9' && *end == '\0' && errno == 0 &&
              number >= lowest && number <= highest;
  if (fine)
    *ret_number = number;
  else
    fprintf(stderr, "cruddur %s: --%s is a number from %lu to %lu, not '%s'\n", cli->command, flag,
            lowest, highest, optarg);
  return fine;
}

/* Flags with a number. */
static bool take_number(struct migration_cli *cli, int option) {
  unsigned long number = 0;
  switch (option) {
  case OPTION_WAIT:
    if (!read_number(cli, "wait", 0, WAIT_MAX_S, &number)) return false;
    cli->options.wait_ms = (unsigned)number * 1000;
    return true;
  case OPTION_LOCK_TIMEOUT:
    if (!read_number(cli, "lock-timeout", 1, LOCK_TIMEOUT_MAX_MS, &number)) return false;
    cli->options.lock_timeout_ms = (unsigned)number;
    return true;
  case OPTION_LOCK_TRIES:
    if (!read_number(cli, "lock-tries", 1, TRIES_MAX, &number)) return false;
    cli->options.lock_tries = (unsigned)number;
    return true;
  case OPTION_STEPS:
    if (!read_number(cli, "steps", 1, STEPS_MAX, &number)) return false;
    cli->steps = number;
    return true;
  default: return false;
  }
}

static bool take_option(struct migration_cli *cli, int option) {
  switch (option) {
  case OPTION_DIR: cli->options.dir = optarg; return true;
  case OPTION_ALLOW_LATE: cli->options.allow_late = true; return true;
  case OPTION_DRY_RUN: cli->dry_run = true; return true;
  case OPTION_REHEARSE: cli->rehearse = true; return true;
  case OPTION_LINT: cli->lint = true; return true;
  case OPTION_TO: cli->to = optarg; return true;
  case OPTION_JSON: cli->json = true; return true;
  case OPTION_FORGET: cli->forget = true; return true;
  default: return take_number(cli, option);
  }
}

static bool stop(struct migration_cli *cli, int exit_code) {
  cli->exit_code = exit_code;
  return false;
}

bool migration_cli_parse(struct migration_cli *cli, const char *command, const char *help,
                         unsigned flags, int argc, char **argv) {
  *cli = (struct migration_cli){.command = command, .options = MIGRATE_OPTIONS_DEFAULT, .steps = 1};
  cli->reporter.say = print_said;
  cli->options.interrupt = &interrupted;
  struct option options[KNOWN_COUNT + 2] = {{"help", no_argument, NULL, 'h'}};
  size_t count = 1;
  for (size_t i = 0; i < KNOWN_COUNT; i++)
    if (KNOWN[i].flag & flags) options[count++] = KNOWN[i].option;
  for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
    if (option == 'h') {
      fputs(help, stdout);
      return stop(cli, EXIT_DONE);
    }
    if (option == '?') fprintf(stderr, "`cruddur %s --help` lists the flags\n", command);
    if (option == '?' || !take_option(cli, option)) return stop(cli, EXIT_USAGE);
  }
  cli->arguments = argv + optind;
  cli->argument_count = argc - optind;
  if (cli->argument_count > 0 && !(flags & FLAG_ARGUMENTS)) {
    fprintf(stderr, "cruddur %s: '%s' is no flag; `cruddur %s --help` lists them\n", command,
            argv[optind], command);
    return stop(cli, EXIT_USAGE);
  }
  catch_signals();
  return true;
}

bool migration_cli_connection(struct migration_cli *cli, bool required) {
  const char *url = getenv("CONNECTION_URL");
  if (!required && (!url || url[0] == '\0')) return true;
  struct config config = {0};
  struct error error = {0};
  if (!config_load(&config, CONFIG_DATABASE, &error)) {
    fprintf(stderr, "cruddur %s: %s\n", cli->command, error.message);
    return stop(cli, EXIT_USAGE);
  }
  cli->options.connection_url = config.connection_url;
  return true;
}
