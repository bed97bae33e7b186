/* json_writer.c: see json_writer.h. */
#include "lib/base/json_writer.h"

static bool needs_escape(unsigned char byte) {
  return byte < 0x20 || byte == '"' || byte == '\\';
}

static void append_escape(struct buffer *buffer, unsigned char byte) {
  switch (byte) {
  case '"': buffer_append(buffer, "\\\"", 2); break;
  case '\\': buffer_append(buffer, "\\\\", 2); break;
  case '\n': buffer_append(buffer, "\\n", 2); break;
  case '\r': buffer_append(buffer, "\\r", 2); break;
  case '\t': buffer_append(buffer, "\\t", 2); break;
  default: buffer_append_format(buffer, "\\u%04x", byte); break;
  }
}

void json_append_string(struct buffer *buffer, struct str text) {
  buffer_append_char(buffer, '"');
  size_t start = 0;
  for (size_t i = 0; i < text.length; i++) {
    unsigned char byte = (unsigned char)text.data[i];
    if (!needs_escape(byte)) continue;
    buffer_append(buffer, text.data + start, i - start);
    append_escape(buffer, byte);
    start = i + 1;
  }
  buffer_append(buffer, text.data + start, text.length - start);
  buffer_append_char(buffer, '"');
}

void json_append_int(struct buffer *buffer, long long number) {
  char digits[24];
  size_t at = sizeof(digits);
  unsigned long long rest =
      number < 0 ? 0ULL - (unsigned long long)number : (unsigned long long)number;
  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (number < 0) digits[--at] = '-';
  buffer_append(buffer, digits + at, sizeof(digits) - at);
}
