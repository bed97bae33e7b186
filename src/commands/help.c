/* help.c: writes the text of --help: two columns, flags and what they mean, within 100 columns. */
#include "commands/help.h"

#include "lib/base/buffer.h"
#include "lib/base/cleanup.h"

#include <stdio.h>
#include <string.h>

enum { LINE_WIDTH = 100, GAP = 2 };

static const char OPTIONS_HEADING[] = "\nOptions:\n";

static const struct flag HELP_ROW = {.name = "help", .letter = 'h', .help = "show this"};

/* Appends words of `text`, broken into lines that begin at the column `indent`; the first one is
 * there already. Counts bytes, so that a line with other letters than ASCII's ends early. */
static void append_wrapped(struct buffer *output, size_t indent, const char *text) {
  struct str rest = str_from(text), word;
  size_t column = indent;
  while (str_next(&rest, ' ', &word)) {
    if (column > indent && column + 1 + word.length > LINE_WIDTH) {
      buffer_append_format(output, "\n%*s", (int)indent, "");
      column = indent;
    } else if (column > indent) {
      buffer_append_char(output, ' ');
      column++;
    }
    buffer_append_str(output, word);
    column += word.length;
  }
  buffer_append_char(output, '\n');
}

/* "  -t, --timeout SECONDS", or "  apply CHANGESET" for a verb. */
static void append_name(struct buffer *output, const struct flag *flag) {
  if (flag->type == FLAG_TYPE_VERB)
    buffer_append_text(output, "  ");
  else if (flag->letter)
    buffer_append_format(output, "  -%c, --", flag->letter);
  else
    buffer_append_text(output, "      --");
  buffer_append_text(output, flag->name);
  if (flag->argument) buffer_append_format(output, " %s", flag->argument);
}

/* The column at which what the flags mean begins. */
static size_t find_column(const struct subcommand *command) {
  _cleanup_(buffer_free) struct buffer name = BUFFER_EMPTY;
  append_name(&name, &HELP_ROW);
  size_t widest = name.length;
  for (const struct flag *flag = command->flags; flag && flag->name; flag++) {
    name.length = 0;
    append_name(&name, flag);
    if (name.length > widest) widest = name.length;
  }
  return widest + GAP;
}

static void append_row(struct buffer *output, const struct flag *flag, size_t column) {
  if (flag->section) buffer_append_format(output, "\n%s:\n", flag->section);
  size_t start = output->length;
  append_name(output, flag);
  size_t written = output->length - start;
  buffer_append_format(output, "%*s", written < column ? (int)(column - written) : GAP, "");
  append_wrapped(output, column, flag->help);
}

static void append_exits(struct buffer *output, const struct subcommand *command) {
  buffer_append_text(output, "\nExit codes:\n");
  for (size_t code = 0; code < EXIT_CODES; code++) {
    const char *meaning = command->exits[code];
    if (!meaning) continue;
    buffer_append_format(output, "  %zu  ", code);
    append_wrapped(output, strlen("  0  "), *meaning ? meaning : exit_row((int)code)->meaning);
  }
}

static void append_help(struct buffer *output, const struct subcommand *command) {
  size_t column = find_column(command);
  buffer_append_format(output, "Usage: %s\n\n%s\n", command->usage, command->description);
  const struct flag *last = NULL;
  for (const struct flag *flag = command->flags; flag && flag->name; last = flag++) {
    if (!last && !flag->section) buffer_append_text(output, OPTIONS_HEADING);
    append_row(output, flag, column);
  }
  if (!last || last->type == FLAG_TYPE_VERB) buffer_append_text(output, OPTIONS_HEADING);
  append_row(output, &HELP_ROW, column);
  append_exits(output, command);
}

bool help_print(const struct subcommand *command) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  append_help(&text, command);
  return !text.failed && fwrite(text.data, 1, text.length, stdout) == text.length &&
         fflush(stdout) == 0;
}
