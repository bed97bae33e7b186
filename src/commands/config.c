/* config.c: `cruddur config`: every setting, what it means and what it is now. Secrets are never
 * shown. */
#include "lib/base/config.h"

#include "commands/commands.h"

#include "lib/base/buffer.h"
#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/base/json_writer.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef void append_setting(struct buffer *output, const struct config_setting *setting);

static const char HELP[] =
    "Usage: cruddur config [--json | --markdown]\n"
    "\n"
    "Lists every setting: its meaning, its default and what it is now. All of them come from the\n"
    "environment. Of a secret it says only whether it is set.\n"
    "\n"
    "  --json      as a JSON array\n"
    "  --markdown  as the table of docs/configuration.md, without this environment\n"
    "  --help      this text\n";

/* The value of now, hidden where it is a secret; NULL when there is none. */
static const char *shown_value(const struct config_setting *setting) {
  const char *value = config_setting_value(setting);
  return value && setting->type == CONFIG_SECRET ? "(set)" : value;
}

static void append_plain(struct buffer *output, const struct config_setting *setting) {
  const char *value = shown_value(setting);
  const char *missing = setting->required ? "(unset, required)" : "(unset)";
  buffer_append_format(output, "%s = %s\n    %s", setting->name, value ? value : missing,
                       setting->meaning);
  if (setting->alias) buffer_append_format(output, "; also read from %s", setting->alias);
  if (setting->initial) buffer_append_format(output, "; default %s", setting->initial);
  buffer_append_char(output, '\n');
}

static void append_json_text(struct buffer *output, const char *key, const char *text) {
  json_append_string(output, str_from(key));
  buffer_append_char(output, ':');
  if (text)
    json_append_string(output, str_from(text));
  else
    buffer_append_text(output, "null");
  buffer_append_char(output, ',');
}

static void append_json(struct buffer *output, const struct config_setting *setting) {
  buffer_append_char(output, '{');
  append_json_text(output, "name", setting->name);
  append_json_text(output, "alias", setting->alias);
  append_json_text(output, "meaning", setting->meaning);
  append_json_text(output, "default", setting->initial);
  append_json_text(output, "example", setting->example);
  append_json_text(output, "value", shown_value(setting));
  buffer_append_format(output, "\"required\":%s,\"secret\":%s}",
                       setting->required ? "true" : "false",
                       setting->type == CONFIG_SECRET ? "true" : "false");
}

static void append_markdown(struct buffer *output, const struct config_setting *setting) {
  buffer_append_format(output, "| `%s`", setting->name);
  if (setting->alias) buffer_append_format(output, " (or `%s`)", setting->alias);
  if (setting->initial)
    buffer_append_format(output, " | `%s`", setting->initial);
  else
    buffer_append_text(output, setting->required ? " | required" : " | ");
  buffer_append_format(output, " | %s | `%s` |\n", setting->meaning, setting->example);
}

static void append_all(struct buffer *output, append_setting *append, const char *separator) {
  size_t count;
  const struct config_setting *settings = config_settings(&count);
  for (size_t i = 0; i < count; i++) {
    if (i > 0) buffer_append_text(output, separator);
    append(output, &settings[i]);
  }
}

static void append_list(struct buffer *output, const char *form) {
  if (strcmp(form, "--json") == 0) {
    buffer_append_char(output, '[');
    append_all(output, append_json, ",\n");
    buffer_append_text(output, "]\n");
  } else if (strcmp(form, "--markdown") == 0) {
    buffer_append_text(output, "| variable | default | meaning | example |\n|---|---|---|---|\n");
    append_all(output, append_markdown, "");
  } else {
    append_all(output, append_plain, "\n");
  }
}

static int print(struct buffer *output) {
  if (!output->failed && fwrite(output->data, 1, output->length, stdout) == output->length &&
      fflush(stdout) == 0)
    return EXIT_DONE;
  fputs("cruddur config: could not write the list\n", stderr);
  return EXIT_FAILED;
}

int command_config(int argc, char **argv) {
  const char *form = argc > 1 ? argv[1] : "";
  if (strcmp(form, "--help") == 0 || strcmp(form, "-h") == 0) {
    fputs(HELP, stdout);
    return EXIT_DONE;
  }
  bool known = !*form || strcmp(form, "--json") == 0 || strcmp(form, "--markdown") == 0;
  if (argc > 2 || !known) {
    fprintf(stderr, "cruddur config: unknown argument '%s'; 'cruddur config --help' tells more\n",
            argv[argc > 2 ? 2 : 1]);
    return EXIT_USAGE;
  }
  _cleanup_(buffer_free) struct buffer output = BUFFER_EMPTY;
  append_list(&output, form);
  return print(&output);
}
