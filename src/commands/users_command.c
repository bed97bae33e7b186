/* users_command.c: `cruddur users import`: rows for the users of the Cognito pool who have none. */
#include "commands/commands.h"
#include "commands/exit.h"

#include "lib/base/config.h"
#include "lib/users/user_import.h"

#include <stdio.h>

static const char COMMAND[] = "users import";

struct import_form {
  bool dry_run;
};

/* Handles come from people: what would break the terminal becomes '?'. */
static void print_text(FILE *stream, const char *text) {
  if (!*text) fputs("(no handle)", stream);
  for (; *text; text++)
    putc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, stream);
}

static void print_verdict(enum user_import_verdict verdict, const struct cognito_user *user,
                          void *argument) {
  static const char *const SENTENCES[] = {
      [USER_IMPORT_ADDED] = "added; sub",
      [USER_IMPORT_UNCONFIRMED] = "not confirmed, or disabled; sub",
      [USER_IMPORT_INCOMPLETE] =
          "the pool lacks the name, the preferred_username or the email; sub",
      [USER_IMPORT_TAKEN] = "the handle belongs to a row with another sub; the pool says",
  };
  const struct import_form *form = argument;
  if (verdict == USER_IMPORT_KNOWN) return;
  FILE *stream = verdict == USER_IMPORT_ADDED ? stdout : stderr;
  print_text(stream, user->handle);
  fprintf(stream, ": %s%s ", verdict == USER_IMPORT_ADDED && form->dry_run ? "would be " : "",
          SENTENCES[verdict]);
  print_text(stream, user->sub);
  putc('\n', stream);
}

static bool import(const struct config *config, struct import_form *form,
                   struct user_import_summary *ret_summary, struct error *error) {
  struct cognito_users list = {0};
  _cleanup_(pg_session_close_p) struct pg_session *session = NULL;
  const struct pg_session_options options = {.connection_url = config->connection_url,
                                             .application_name = "cruddur users import"};
  bool done =
      cognito_load_users(config, &list, error) && pg_session_open(&options, &session, error) &&
      user_import_run(session, &list, form->dry_run, print_verdict, form, ret_summary, error);
  cognito_free_users(&list);
  return done;
}

static int command_users(int argc, char **argv) {
  struct import_form form = {0};
  struct flag_words words; /* import is the one verb that there is */
  int code;
  if (!flags_read(&users_command, argc, argv, &form, &words, &code)) return code;
  struct config config;
  struct error error = {0};
  struct user_import_summary summary;
  if (!config_load(&config, CONFIG_AWS | CONFIG_DATABASE, &error) ||
      !import(&config, &form, &summary, &error))
    return exit_with(COMMAND, &error);
  printf("%zu %s, %zu there already, %zu not confirmed or disabled, %zu to decide\n", summary.added,
         form.dry_run ? "would be added" : "added", summary.known, summary.unconfirmed,
         summary.undecided);
  return summary.undecided > 0 ? EXIT_FAILED : EXIT_DONE;
}

static const struct flag FLAGS[] = {
    FLAG_VERB("import", NULL, 0, "add a row for each user of the pool who has none",
              .section = "Operations"),
    FLAG_SWITCH('n', "dry-run", struct import_form, dry_run,
                "print who would be added and add nobody", .section = "Options"),
    FLAG_END,
};

const struct subcommand users_command = {
    .name = "users",
    .summary = "add the pool's users who have no row",
    .usage = "cruddur users import [--dry-run]",
    .description =
        "Reads all users of the Cognito pool AWS_COGNITO_USER_POOL_ID and adds a row of\n"
        "public.users (of CONNECTION_URL) for each who can sign in and has none: users who were\n"
        "made in the console or imported never trigger the post-confirmation function. Prints who\n"
        "was added on stdout, and on stderr who was not. Rows that are there are never changed.",
    .word = "OPERATION",
    .flags = FLAGS,
    .exits = {[EXIT_DONE] = "",
              [EXIT_FAILED] = "it failed; or somebody must decide about a user",
              [EXIT_USAGE] = "",
              [EXIT_UNAVAILABLE] = "the database or AWS was not reached; run it again",
              [EXIT_CREDENTIALS] = ""},
    .run = command_users,
};
