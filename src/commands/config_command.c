/* config_command.c: `cruddur config`: every setting, what it means and what it is now. Secrets are
 * never shown. */
#include "commands/commands.h"
#include "commands/serve_settings.h"

#include "lib/base/buffer.h"
#include "lib/base/cleanup.h"
#include "lib/base/config.h"
#include "lib/base/json_writer.h"

#include <stdbool.h>
#include <stdio.h>

typedef void append_setting(struct buffer *output, const struct config_setting *setting);

/* How the list is written: as text where neither is true. */
struct forms {
  bool json, markdown, check;
};

/* The value of now, hidden where it is a secret; NULL when there is none. */
static const char *shown_value(const struct config_setting *setting) {
  const char *value = config_setting_value(setting);
  return value && config_is_secret(setting) ? "(set)" : value;
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
  json_writer_string(output, str_from(key));
  buffer_append_char(output, ':');
  if (text)
    json_writer_string(output, str_from(text));
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
                       config_is_secret(setting) ? "true" : "false");
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

static void append_list(struct buffer *output, const struct forms *forms) {
  if (forms->json) {
    buffer_append_char(output, '[');
    append_all(output, append_json, ",\n");
    buffer_append_text(output, "]\n");
  } else if (forms->markdown) {
    buffer_append_text(output, "| variable | default | meaning | example |\n|---|---|---|---|\n");
    append_all(output, append_markdown, "");
  } else {
    append_all(output, append_plain, "\n");
  }
}

static int print(struct buffer *output) {
  struct error error = {0};
  if (output->failed) {
    error_set(&error, ERROR_MEMORY, "out of memory");
    return exit_with("config", &error);
  }
  fwrite(output->data, 1, output->length, stdout); /* main() tells whether that worked */
  return EXIT_DONE;
}

static void tell_problem(const struct error *problem, void *argument) {
  (void)argument;
  exit_with("config", problem);
}

/* What `cruddur serve` would say of the settings. */
static int check(void) {
  static struct serve_settings settings;
  bool good = serve_settings_read(&settings, tell_problem, NULL);
  serve_settings_free(&settings);
  if (!good) return EXIT_USAGE;
  puts("the settings of `cruddur serve` are complete and well-formed");
  return EXIT_DONE;
}

static int command_config(int argc, char **argv) {
  struct forms forms = {0};
  int code;
  if (!flags_read(&config_command, argc, argv, &forms, NULL, &code)) return code;
  if (forms.check) return check();
  _cleanup_(buffer_free) struct buffer output = BUFFER_EMPTY;
  append_list(&output, &forms);
  return print(&output);
}

static const struct flag FLAGS[] = {
    FLAG_SWITCH(0, "json", struct forms, json, "as a JSON array", .group = "form"),
    FLAG_SWITCH(0, "markdown", struct forms, markdown,
                "as the table of docs/configuration.md, without this environment", .group = "form"),
    FLAG_SWITCH(0, "check", struct forms, check,
                "list nothing; say everything that is missing or wrong for `cruddur serve`",
                .group = "form"),
    FLAG_END,
};

const struct subcommand config_command = {
    .name = "config",
    .summary = "list the settings and what they are now",
    .usage = "cruddur config [--json | --markdown | --check]",
    .description =
        "Lists every setting: its meaning, its default and what it is now. All of them come from\n"
        "the environment. Of a secret it says only whether it is set.",
    .flags = FLAGS,
    .exits = {[EXIT_DONE] = "",
              [EXIT_FAILED] = "",
              [EXIT_USAGE] = "a wrong flag; --check: a missing or bad setting"},
    .run = command_config,
};
