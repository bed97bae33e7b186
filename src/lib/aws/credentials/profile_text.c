/* profile_text.c: see profile_text.h. A line that is indented more than the setting before it goes
 * on with that one's value; empty lines and comments in between change nothing.
 *
 * Source: Python 3.11, configparser.RawConfigParser; botocore, configloader.py. */
#include "lib/aws/credentials/profile_text.h"

#include "lib/base/utf8.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_LIMIT = 100 }; /* of a name, in a message */

/* A section (without a name) or a setting that was seen, to find those that are there twice. */
struct profile_mark {
  struct str section, name;
};

struct profile_reader {
  struct buffer *plain;
  struct profile_mark *marks; /* owned */
  size_t mark_count, mark_capacity;
  unsigned line;      /* from 1 */
  struct str section; /* data is NULL before the first one */
  size_t indent;      /* of the last section or setting */
  bool in_setting;    /* which more lines may belong to */
  struct str name;    /* its own */
  bool is_nested;     /* its value begins on the next line: settings of its own */
  size_t setting_at;  /* where it begins in `plain` */
  bool is_empty;      /* its value is, so far */
};

static bool refuse(const struct profile_reader *reader, const char *what, struct error *error) {
  return error_set(error, ERROR_DENIED, "line %u %s", reader->line, what);
}

/* --- Lines --- */

static bool is_space(char byte) {
  return byte == ' ' || (byte >= '\t' && byte <= '\r') || (byte >= 0x1c && byte <= 0x1f);
}

static struct str strip(struct str text) {
  while (text.length > 0 && is_space(text.data[0]))
    text = (struct str){text.data + 1, text.length - 1};
  while (text.length > 0 && is_space(text.data[text.length - 1]))
    text.length--;
  return text;
}

/* Cuts a line off; it ends with LF, CR LF or CR. */
static bool cut_line(struct str *rest, struct str *ret_line) {
  if (rest->length == 0) return false;
  size_t length = 0;
  while (length < rest->length && rest->data[length] != '\n' && rest->data[length] != '\r')
    length++;
  *ret_line = (struct str){rest->data, length};
  bool is_pair =
      length + 1 < rest->length && rest->data[length] == '\r' && rest->data[length + 1] == '\n';
  size_t taken = length < rest->length ? length + (is_pair ? 2 : 1) : length;
  *rest = (struct str){rest->data + taken, rest->length - taken};
  return true;
}

/* --- What a line is --- */

static bool mark(struct profile_reader *reader, struct str name, struct error *error) {
  if (reader->mark_count == reader->mark_capacity) {
    size_t capacity = reader->mark_capacity ? 2 * reader->mark_capacity : 64;
    struct profile_mark *grown = reallocarray(reader->marks, capacity, sizeof(*grown));
    if (!grown) return error_set(error, ERROR_MEMORY, "out of memory");
    reader->marks = grown;
    reader->mark_capacity = capacity;
  }
  reader->marks[reader->mark_count++] = (struct profile_mark){reader->section, name};
  return true;
}

static bool read_section(struct profile_reader *reader, struct str name, struct error *error) {
  reader->section = name;
  reader->in_setting = false;
  buffer_append_char(reader->plain, '[');
  buffer_append_str(reader->plain, name);
  buffer_append_text(reader->plain, "]\n");
  return str_equal(name, STR("DEFAULT")) || mark(reader, (struct str){NULL, 0}, error);
}

static void append_lower(struct buffer *plain, struct str name) {
  for (size_t i = 0; i < name.length; i++)
    buffer_append_char(plain, (char)tolower((unsigned char)name.data[i]));
}

/* A name that begins as a section does cannot be asked for. */
static bool read_setting(struct profile_reader *reader, struct str line, struct error *error) {
  size_t length = 0;
  while (length < line.length && line.data[length] != '=' && line.data[length] != ':')
    length++;
  struct str name = strip((struct str){line.data, length});
  if (length == line.length || name.length == 0)
    return refuse(reader, "is no `name = value`", error);
  struct str value = strip((struct str){line.data + length + 1, line.length - length - 1});
  reader->in_setting = true;
  reader->name = name;
  reader->is_nested = name.data[0] == '[';
  reader->is_empty = value.length == 0;
  reader->setting_at = reader->plain->length;
  if (!reader->is_nested) {
    append_lower(reader->plain, name);
    buffer_append_char(reader->plain, '=');
    buffer_append_str(reader->plain, value);
    buffer_append_char(reader->plain, '\n');
  }
  return mark(reader, name, error);
}

/* A line below a setting without a value: a setting of that one's own. */
static bool read_nested(struct profile_reader *reader, struct str line, struct error *error) {
  const char *equals = memchr(line.data, '=', line.length);
  if (!reader->is_nested) reader->plain->length = reader->setting_at;
  reader->is_nested = true;
  if (!equals) return refuse(reader, "is no `name = value` of a nested setting", error);
  size_t length = (size_t)(equals - line.data);
  if (reader->name.data[0] == '[') return true;
  append_lower(reader->plain, reader->name);
  buffer_append_char(reader->plain, PROFILE_TEXT_NESTED);
  append_lower(reader->plain, strip((struct str){line.data, length}));
  buffer_append_char(reader->plain, '=');
  buffer_append_str(reader->plain, strip((struct str){equals + 1, line.length - length - 1}));
  buffer_append_char(reader->plain, '\n');
  return true;
}

/* More of the value of the setting before it. */
static bool read_more(struct profile_reader *reader, struct str line, struct error *error) {
  if (reader->is_empty) return read_nested(reader, line, error);
  if (reader->is_nested || reader->plain->failed) return true;
  reader->plain->length--; /* the line feed */
  buffer_append_char(reader->plain, ' ');
  buffer_append_str(reader->plain, line);
  buffer_append_char(reader->plain, '\n');
  return true;
}

static bool read_line(struct profile_reader *reader, struct str line, struct error *error) {
  struct str text = strip(line);
  if (text.length == 0 || text.data[0] == '#' || text.data[0] == ';') return true;
  size_t indent = (size_t)(text.data - line.data);
  if (reader->in_setting && indent > reader->indent) return read_more(reader, text, error);
  reader->indent = indent;
  const char *end = text.data[0] == '[' ? memrchr(text.data, ']', text.length) : NULL;
  if (end && end > text.data + 1)
    return read_section(reader, (struct str){text.data + 1, (size_t)(end - text.data) - 1}, error);
  if (!reader->section.data) return refuse(reader, "is in no [section]", error);
  return read_setting(reader, text, error);
}

/* --- The whole --- */

static int compare(struct str a, struct str b, bool ignore_case) {
  size_t shared = a.length < b.length ? a.length : b.length;
  int order = shared == 0   ? 0
              : ignore_case ? strncasecmp(a.data, b.data, shared)
                            : memcmp(a.data, b.data, shared);
  return order ? order : (a.length > b.length) - (a.length < b.length);
}

static int by_section_and_name(const void *left, const void *right) {
  const struct profile_mark *a = left, *b = right;
  int order = compare(a->section, b->section, false);
  return order ? order : compare(a->name, b->name, true);
}

static int shown(struct str text) {
  return text.length < SHOWN_LIMIT ? (int)text.length : SHOWN_LIMIT;
}

static bool refuse_twice(struct profile_reader *reader, struct error *error) {
  struct profile_mark *marks = reader->marks;
  if (reader->mark_count == 0) return true;
  qsort(marks, reader->mark_count, sizeof(*marks), by_section_and_name);
  for (size_t i = 1; i < reader->mark_count; i++) {
    struct str section = marks[i].section, name = marks[i].name;
    if (by_section_and_name(&marks[i - 1], &marks[i]) != 0) continue;
    if (name.length == 0)
      return error_set(error, ERROR_DENIED, "section [%.*s] is there twice", shown(section),
                       section.data);
    return error_set(error, ERROR_DENIED, "section [%.*s] has %.*s twice", shown(section),
                     section.data, shown(name), name.data);
  }
  return true;
}

bool profile_text_read(struct str text, struct buffer *ret_plain, struct error *error) {
  struct buffer plain = {.secret = true};
  struct profile_reader reader = {.plain = &plain};
  struct str line;
  bool done = utf8_valid(text) || error_set(error, ERROR_DENIED, "it is no UTF-8");
  while (done && cut_line(&text, &line)) {
    reader.line++;
    done = read_line(&reader, line, error);
  }
  done = done && refuse_twice(&reader, error) &&
         (!plain.failed || error_set(error, ERROR_MEMORY, "out of memory"));
  free(reader.marks);
  if (done)
    *ret_plain = plain;
  else
    buffer_free(&plain);
  return done;
}
