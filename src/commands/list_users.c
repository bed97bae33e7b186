/* list_users.c: `cruddur list-users`: the users of the Cognito pool. */
#include "commands/commands.h"
#include "commands/exit.h"

#include "lib/aws/services/cognito.h"
#include "lib/base/buffer.h"
#include "lib/base/json_writer.h"

#include <stdio.h>

static const char COMMAND[] = "list-users";

struct list_form {
  bool json;
};

static void append_member(struct buffer *line, const char *name, const char *text) {
  buffer_append_char(line, line->length > 0 ? ',' : '{');
  json_writer_string(line, str_from(name));
  buffer_append_char(line, ':');
  json_writer_string(line, str_from(text));
}

static bool print_json(const struct cognito_user *user) {
  struct buffer line = BUFFER_EMPTY;
  append_member(&line, "handle", user->handle);
  append_member(&line, "sub", user->sub);
  append_member(&line, "status", user->status);
  append_member(&line, "email", user->email);
  append_member(&line, "name", user->name);
  buffer_append_format(&line, ",\"enabled\":%s}", user->enabled ? "true" : "false");
  bool printed = puts(buffer_text(&line)) >= 0 && !line.failed;
  buffer_free(&line);
  return printed;
}

/* A field of a line: what would break the line or the terminal becomes '?'. */
static void print_field(const char *text, char end) {
  if (!*text) putchar('-');
  for (; *text; text++)
    putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
  putchar(end);
}

static bool print_plain(const struct cognito_user *user) {
  print_field(user->handle, '\t');
  print_field(user->sub, '\t');
  print_field(user->enabled ? user->status : "DISABLED", '\t');
  print_field(user->email, '\n');
  return !ferror(stdout);
}

static int command_list_users(int argc, char **argv) {
  struct list_form form = {0};
  int code;
  if (!flags_read(&list_users_command, argc, argv, &form, NULL, &code)) return code;
  struct config config;
  struct error error = {0};
  struct cognito_users list = {0};
  if (!config_load(&config, CONFIG_AWS, &error) || !cognito_load_users(&config, &list, &error))
    return exit_with(COMMAND, &error);
  bool printed = true;
  for (size_t i = 0; printed && i < list.count; i++)
    printed = form.json ? print_json(&list.users[i]) : print_plain(&list.users[i]);
  cognito_free_users(&list);
  return printed && fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static const struct flag FLAGS[] = {
    FLAG_SWITCH(0, "json", struct list_form, json, "a JSON object a line, with the name as well"),
    FLAG_END,
};

const struct subcommand list_users_command = {
    .name = "list-users",
    .summary = "list the users of the Cognito pool",
    .usage = "cruddur list-users [--json]",
    .description =
        "Lists the users of the Cognito pool AWS_COGNITO_USER_POOL_ID: handle\n"
        "(preferred_username), sub, status and email address, a line each, separated by tabs.",
    .flags = FLAGS,
    .exits = {[EXIT_DONE] = "",
              [EXIT_FAILED] = "",
              [EXIT_USAGE] = "",
              [EXIT_UNAVAILABLE] = "AWS was not reached",
              [EXIT_CREDENTIALS] = "AWS credentials are missing or were refused"},
    .run = command_list_users,
};
