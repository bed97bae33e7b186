/* dotenv.c: files of NAME=value lines, read as data. */
#include "lib/sync/dotenv.h"

#include "lib/base/buffer.h"
#include "lib/base/cleanup.h"

#include <ctype.h>

static bool is_name(struct str name) {
  if (name.length == 0 || isdigit((unsigned char)name.data[0])) return false;
  for (size_t i = 0; i < name.length; i++) {
    unsigned char byte = (unsigned char)name.data[i];
    if (byte > 0x7F || (!isalnum(byte) && byte != '_')) return false;
  }
  return true;
}

/* Only blanks or a comment may follow the closing quote. */
static bool ends_well(struct str rest) {
  rest = str_trim(rest);
  return rest.length == 0 || rest.data[0] == '#';
}

static bool read_single(struct str text, struct buffer *value) {
  const char *end = memchr(text.data + 1, '\'', text.length - 1);
  if (!end) return false;
  size_t length = (size_t)(end - text.data - 1);
  buffer_append(value, text.data + 1, length);
  return ends_well((struct str){end + 1, text.length - length - 2});
}

static bool read_double(struct str text, struct buffer *value) {
  for (size_t i = 1; i < text.length; i++) {
    char byte = text.data[i];
    if (byte == '"') return ends_well((struct str){text.data + i + 1, text.length - i - 1});
    if (byte == '\\' && i + 1 < text.length) {
      char next = text.data[++i];
      if (next == 'n' || next == 't')
        byte = next == 'n' ? '\n' : '\t';
      else if (next == '"' || next == '\\' || next == '$')
        byte = next;
      else
        buffer_append_char(value, '\\'), byte = next;
    }
    buffer_append_char(value, byte);
  }
  return false;
}

static bool read_plain(struct str text, struct buffer *value) {
  size_t length = text.length;
  for (size_t i = 0; i < text.length; i++)
    if (text.data[i] == '#' && (i == 0 || text.data[i - 1] == ' ' || text.data[i - 1] == '\t')) {
      length = i;
      break;
    }
  buffer_append_str(value, str_trim((struct str){text.data, length}));
  return true;
}

static bool read_value(struct str text, struct buffer *value) {
  text = str_trim(text);
  if (text.length == 0) return true;
  if (text.data[0] == '\'') return read_single(text, value);
  if (text.data[0] == '"') return read_double(text, value);
  return read_plain(text, value);
}

static struct str without_export(struct str line) {
  if (!str_starts_with(line, STR("export ")) && !str_starts_with(line, STR("export\t")))
    return line;
  return str_trim((struct str){line.data + 7, line.length - 7});
}

/* 1: go on, 0: stop, -1: the line is malformed. */
static int read_line(struct str line, dotenv_each each, void *argument) {
  if (line.length > 0 && line.data[line.length - 1] == '\r') line.length--;
  line = str_trim(line);
  if (line.length == 0 || line.data[0] == '#') return 1;
  line = without_export(line);
  const char *equals = memchr(line.data, '=', line.length);
  if (!equals) return -1;
  struct str name = str_trim((struct str){line.data, (size_t)(equals - line.data)});
  _cleanup_(buffer_free) struct buffer key = BUFFER_EMPTY, value = BUFFER_EMPTY;
  size_t skipped = (size_t)(equals + 1 - line.data);
  if (!is_name(name) || memchr(line.data, '\0', line.length) ||
      !read_value((struct str){equals + 1, line.length - skipped}, &value))
    return -1;
  buffer_append_str(&key, name);
  return each(buffer_text(&key), buffer_text(&value), argument) ? 1 : 0;
}

bool dotenv_parse(struct str text, dotenv_each each, void *argument, struct error *error) {
  struct str rest = text, line;
  if (str_starts_with(rest, STR("\xEF\xBB\xBF"))) {
    rest.data += 3;
    rest.length -= 3;
  }
  for (size_t number = 1; str_next(&rest, '\n', &line); number++) {
    int result = read_line(line, each, argument);
    if (result == 0) return true;
    if (result < 0)
      return error_set(error, ERROR_INVALID, "line %zu is not NAME=value, a comment or empty",
                       number);
  }
  return true;
}
