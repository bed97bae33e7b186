/* post_confirmation.c: `cruddur post-confirmation`: what the Lambda function does, from a shell:
 * the event on stdin, its user into the database, the event on stdout. */
#include "commands/commands.h"
#include "commands/exit.h"

#include "lib/base/buffer.h"
#include "lib/base/config.h"
#include "lib/users/confirmation.h"

#include <stdio.h>

enum { LIMIT_MS = 10000 };

static const char COMMAND[] = "post-confirmation";

/* Copies stdin to stdout and keeps it, but for what is over the limit. True when all was kept. */
static bool pass_through(struct buffer *event, bool *ret_written) {
  char chunk[16 * 1024];
  size_t count;
  bool kept = true;
  *ret_written = true;
  while ((count = fread(chunk, 1, sizeof(chunk), stdin)) > 0) {
    if (event->length + count > CONFIRMATION_EVENT_LIMIT) kept = false;
    if (kept) buffer_append(event, chunk, count);
    if (fwrite(chunk, 1, count, stdout) != count) *ret_written = false;
  }
  if (fflush(stdout) != 0) *ret_written = false;
  return kept && !event->failed && !ferror(stdin);
}

static bool record(struct str event, struct error *error) {
  struct config config;
  if (!config_load(&config, CONFIG_DATABASE, error)) return false;
  struct confirmer confirmer = {.connection_url = config.connection_url};
  enum confirmation_outcome outcome;
  bool done = confirmation_record(&confirmer, event, LIMIT_MS, &outcome, error);
  confirmation_close(&confirmer);
  if (done)
    fprintf(stderr, "cruddur post-confirmation: %s\n",
            outcome == CONFIRMATION_ADDED ? "the user was added" : "the user was there already");
  return done;
}

static int command_post_confirmation(int argc, char **argv) {
  int code = EXIT_DONE;
  if (!flags_read(&post_confirmation_command, argc, argv, NULL, NULL, &code)) return code;
  struct buffer event = BUFFER_EMPTY;
  struct error error = {0};
  bool written = false;
  if (!pass_through(&event, &written)) {
    error_set(&error, ERROR_MEMORY, "the event cannot be read, or is longer than %d bytes",
              (int)CONFIRMATION_EVENT_LIMIT);
    code = exit_with(COMMAND, &error);
  } else if (!record(buffer_str(&event), &error)) {
    code = exit_with(COMMAND, &error);
  }
  buffer_free(&event);
  return code == EXIT_DONE && !written ? EXIT_FAILED : code;
}

const struct subcommand post_confirmation_command = {
    .name = "post-confirmation",
    .summary = "add the user of a Cognito event",
    .usage = "cruddur post-confirmation < EVENT",
    .description =
        "Reads a post-confirmation event of Cognito's from stdin, adds its user to the database "
        "of\n"
        "CONNECTION_URL (once, however often the event comes), and writes the event to stdout "
        "byte\n"
        "for byte, whatever happens. `cruddur lambda post-confirmation` is the same as a Lambda\n"
        "function. Messages go to stderr.",
    .exits = {[EXIT_DONE] = "the user has a row",
              [EXIT_FAILED] = "",
              [EXIT_USAGE] = "a wrong flag, setting or event",
              [EXIT_UNAVAILABLE] = "the database was not reached",
              [EXIT_CREDENTIALS] = "role or password refused"},
    .run = command_post_confirmation,
};
