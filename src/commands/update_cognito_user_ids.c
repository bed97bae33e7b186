/* update_cognito_user_ids.c: `cruddur update-cognito-user-ids`: gives the rows of users the subs of
 * the Cognito pool. */
#include "commands/cli.h"
#include "commands/commands.h"
#include "commands/exit.h"

#include "lib/base/config.h"
#include "lib/users/user_ids.h"

#include <stdio.h>
#include <string.h>

static const char COMMAND[] = "update-cognito-user-ids";
static const char HELP[] =
    "Usage: cruddur update-cognito-user-ids [--dry-run]\n"
    "\n"
    "Reads all users of the Cognito pool AWS_COGNITO_USER_POOL_ID and writes each one's sub into "
    "the\n"
    "row of public.users (of CONNECTION_URL) whose handle is their preferred_username. All rows "
    "are\n"
    "written in one transaction. Prints what changed on stdout, and on stderr what was not "
    "matched:\n"
    "handles that the other side does not know, handles that several users or rows have, subs "
    "that\n"
    "are somebody else's. None of those is changed.\n"
    "\n"
    "  -n, --dry-run   print what would change and change nothing\n"
    "  -h, --help      show this\n"
    "\n"
    "Exit codes: 0 done or nothing to do, 1 failed (nothing was written), or somebody must decide\n"
    "about handles that are not unique (the rest was written), 2 a wrong flag or setting, 5 "
    "database\n"
    "or AWS not reached, 6 credentials missing or refused.\n";

/* Handles come from people: what would break the terminal becomes '?'. */
static void print_text(FILE *stream, const char *text) {
  for (; *text; text++)
    putc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, stream);
}

static void complain(const char *handle, const char *sentence, const char *detail) {
  print_text(stderr, *handle ? handle : "(no name)");
  fprintf(stderr, ": %s%s", sentence, *detail ? " " : "");
  print_text(stderr, detail);
  putc('\n', stderr);
}

static void print_verdict(enum user_ids_verdict verdict, const char *handle, const char *before,
                          const char *sub, void *argument) {
  (void)argument;
  switch (verdict) {
  case USER_IDS_CHANGED:
    print_text(stdout, handle);
    printf(": ");
    print_text(stdout, before);
    printf(" -> ");
    print_text(stdout, sub);
    putchar('\n');
    break;
  case USER_IDS_SAME: break;
  case USER_IDS_NO_ROW:
    complain(handle, "in the pool, but no row has this handle; sub", sub);
    break;
  case USER_IDS_NO_USER:
    complain(handle, "a row, but no user of the pool has this handle", "");
    break;
  case USER_IDS_NO_HANDLE:
    complain(handle, "a user of the pool without preferred_username; sub", sub);
    break;
  case USER_IDS_UNCONFIRMED: complain(handle, "a user of the pool who is not confirmed", ""); break;
  case USER_IDS_TWO_USERS:
    complain(handle, "several users of the pool have this handle, none was taken; one is sub", sub);
    break;
  case USER_IDS_TWO_ROWS:
    complain(handle, "several rows have this handle, none was changed; one is row", sub);
    break;
  case USER_IDS_TAKEN:
    complain(handle,
             "the row's sub or the pool's belongs to another handle, not changed; the pool says",
             sub);
    break;
  }
}

static bool update(const struct config *config, bool dry_run, struct user_ids_summary *ret_summary,
                   struct error *error) {
  struct cognito_users list = {0};
  _cleanup_(pg_session_close_p) struct pg_session *session = NULL;
  struct pg_session_options options = {.connection_url = config->connection_url,
                                       .application_name = "cruddur update-cognito-user-ids"};
  /* The pool first: the rows are locked for as short as can be. */
  bool done = cognito_load_users(config, &list, error) &&
              pg_session_open(&options, &session, error) &&
              user_ids_update(session, &list, dry_run, print_verdict, NULL, ret_summary, error);
  cognito_free_users(&list);
  return done;
}

int command_update_cognito_user_ids(int argc, char **argv) {
  bool dry_run = false;
  int code = EXIT_DONE;
  const char *const names[] = {"--dry-run", "-n", NULL};
  bool *const switches[] = {&dry_run, &dry_run};
  if (!cli_parse_switches(COMMAND, HELP, argc, argv, names, switches, &code)) return code;
  struct config config;
  struct error error = {0};
  struct user_ids_summary summary;
  if (!config_load(&config, CONFIG_AWS | CONFIG_DATABASE, &error) ||
      !update(&config, dry_run, &summary, &error))
    return exit_with(COMMAND, &error);
  printf("%zu %s, %zu already right, %zu not matched, %zu to decide\n", summary.changed,
         dry_run ? "would change" : "changed", summary.same, summary.missing, summary.ambiguous);
  return summary.ambiguous > 0 ? EXIT_FAILED : EXIT_DONE;
}
