/* report.c: see report.h. */
#include "lib/migrate/report.h"

#include "lib/base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_SHOWN_MAX = 200 }; /* bytes of a source line that a remark shows */

void report(const struct migrate_reporter *reporter, enum migrate_say kind, const char *format,
            ...) {
  if (!reporter || !reporter->say) return;
  char *text = NULL;
  va_list arguments;
  va_start(arguments, format);
  int length = vasprintf(&text, format, arguments);
  va_end(arguments);
  if (length < 0) return;
  reporter->say(reporter->argument, kind, text);
  free(text);
}

static bool starts_character(char byte) {
  return ((unsigned char)byte & 0xC0) != 0x80;
}

/* Line and column of a byte offset, both from 1, the column in characters. */
static void line_column(struct str text, size_t offset, size_t *ret_line, size_t *ret_column) {
  size_t line = 1, column = 1;
  for (size_t i = 0; i < offset && i < text.length; i++) {
    if (text.data[i] == '\n') {
      line++;
      column = 1;
    } else if (starts_character(text.data[i])) {
      column++;
    }
  }
  *ret_line = line;
  *ret_column = column;
}

size_t report_offset_of_character(struct str text, size_t start, size_t position) {
  size_t i = start;
  for (size_t left = position > 0 ? position - 1 : 0; left > 0 && i < text.length; left--) {
    i++;
    while (i < text.length && !starts_character(text.data[i]))
      i++;
  }
  return i;
}

/* The line around `offset` and a caret below it. Tabs stay tabs, so that the caret lines up. */
static void append_line_and_caret(struct buffer *out, struct str text, size_t offset) {
  if (offset > text.length) offset = text.length;
  size_t start = offset, end = offset;
  while (start > 0 && text.data[start - 1] != '\n')
    start--;
  while (end < text.length && text.data[end] != '\n' && text.data[end] != '\r')
    end++;
  if (offset - start > LINE_SHOWN_MAX / 2) {
    start = offset - LINE_SHOWN_MAX / 2;
    while (start < offset && !starts_character(text.data[start]))
      start++;
  }
  if (end - start > LINE_SHOWN_MAX) {
    end = start + LINE_SHOWN_MAX;
    while (end > start && !starts_character(text.data[end]))
      end--;
  }
  size_t line, column;
  line_column(text, offset, &line, &column);
  buffer_append_format(out, "\n%5zu | %.*s\n      | ", line, (int)(end - start), text.data + start);
  for (size_t i = start; i < offset; i++)
    if (starts_character(text.data[i])) buffer_append_char(out, text.data[i] == '\t' ? '\t' : ' ');
  buffer_append_char(out, '^');
}

static void append_labelled(struct buffer *out, const char *label, const char *text) {
  if (!text || text[0] == '\0') return;
  buffer_append_format(out, "\n%s: ", label);
  for (const char *c = text; *c; c++) {
    buffer_append_char(out, *c);
    if (*c == '\n' && c[1]) buffer_append_text(out, "    ");
  }
}

void report_remark(const struct migrate_reporter *reporter, enum migrate_say kind,
                   const struct source_remark *remark) {
  struct buffer out = BUFFER_EMPTY;
  size_t line, column;
  line_column(remark->text, remark->offset, &line, &column);
  buffer_append_format(&out, "%s:%zu:%zu: %s: %s", remark->path, line, column, remark->severity,
                       remark->message);
  if (remark->code && remark->code[0]) buffer_append_format(&out, " [%s]", remark->code);
  append_line_and_caret(&out, remark->text, remark->offset);
  append_labelled(&out, "detail", remark->detail);
  append_labelled(&out, "hint", remark->hint);
  append_labelled(&out, "where", remark->context);
  append_labelled(&out, "state", remark->state);
  append_labelled(&out, "next", remark->next);
  report(reporter, kind, "%s", buffer_text(&out));
  buffer_free(&out);
}

bool report_error(struct error *error, const char *path, struct str text, size_t offset,
                  const char *message) {
  size_t line, column;
  line_column(text, offset, &line, &column);
  return error_set(error, ERROR_CONFLICT, "%s:%zu:%zu: %s", path, line, column, message);
}
