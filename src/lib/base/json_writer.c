/* json_writer.c: writes JSON strings and numbers. Most strings need no escape, and every answer
 * consists of them: so they are copied and searched eight bytes at a time. */
#include "lib/base/json_writer.h"

#include "lib/base/utf8.h"

#include <endian.h>
#include <stdint.h>

#define EACH_BYTE 0x0101010101010101ULL /* times a byte: a word of eight such bytes */

enum { WORD_SIZE = sizeof(uint64_t) };

_Static_assert(sizeof(long long) <= 8 && JSON_INT_SIZE >= sizeof("-9223372036854775808") - 1,
               "a number fits");

static bool needs_escape(unsigned char byte) {
  return byte < 0x20 || byte == '"' || byte == '\\';
}

/* The high bits of the bytes that need an escape. Bytes from 0x80 on never do; in the others, the
 * high bit becomes one where the subtraction goes below zero. Flipping 0x02 swaps '"' with 0x20, so
 * that one comparison finds it and what is below 0x20. A borrow may also mark bytes above the
 * lowest marked one: only the lowest mark is exact. */
static uint64_t bytes_to_escape(uint64_t word) {
  uint64_t quote_or_control = (word ^ EACH_BYTE * 0x02) - EACH_BYTE * 0x21;
  uint64_t backslash = (word ^ EACH_BYTE * '\\') - EACH_BYTE;
  return (quote_or_control | backslash) & ~word & EACH_BYTE * 0x80;
}

/* Copies WORD_SIZE bytes, with the marks of those that need an escape. */
static inline uint64_t copy_word(char *to, const char *from) {
  uint64_t word;
  memcpy(&word, from, WORD_SIZE);
  memcpy(to, &word, WORD_SIZE);
  return bytes_to_escape(le64toh(word));
}

static inline size_t lowest_mark(uint64_t marks) {
  return (size_t)__builtin_ctzll(marks) / 8;
}

static size_t copy_bytes(char *to, const char *from, size_t length) {
  size_t done = 0;
  for (; done < length && !needs_escape((unsigned char)from[done]); done++)
    to[done] = from[done];
  return done;
}

/* Copies 4 to 7 bytes as two halves of a word that overlap. */
static size_t copy_short(char *to, const char *from, size_t length) {
  size_t last = length - WORD_SIZE / 2;
  char word[WORD_SIZE];
  memcpy(word, from, WORD_SIZE / 2);
  memcpy(word + WORD_SIZE / 2, from + last, WORD_SIZE / 2);
  uint64_t number;
  memcpy(&number, word, WORD_SIZE);
  if (bytes_to_escape(le64toh(number))) return copy_bytes(to, from, length);
  memcpy(to, word, WORD_SIZE / 2);
  memcpy(to + last, word + WORD_SIZE / 2, WORD_SIZE / 2);
  return length;
}

/* Copies what comes before the first byte that needs an escape; returns how many bytes. There is
 * room for `length`. The last word overlaps the one before it. */
static inline size_t copy_plain(char *to, const char *from, size_t length) {
  if (length < WORD_SIZE / 2) return copy_bytes(to, from, length);
  if (length < WORD_SIZE) return copy_short(to, from, length);
  size_t last = length - WORD_SIZE;
  for (size_t done = 0; done < last; done += WORD_SIZE) {
    uint64_t marks = copy_word(to + done, from + done);
    if (marks) return done + lowest_mark(marks);
  }
  uint64_t marks = copy_word(to + last, from + last);
  return marks ? last + lowest_mark(marks) : length;
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

/* Appends what is left of a string, from a byte on that needs an escape. Kept out of the function
 * below: most strings need none, and are then written without saving registers for this. */
__attribute__((noinline)) static void append_escaped(struct buffer *buffer, struct str text) {
  size_t plain = 0;
  while (plain < text.length) {
    append_escape(buffer, (unsigned char)text.data[plain]);
    text.data += plain + 1;
    text.length -= plain + 1;
    if (!buffer_reserve(buffer, text.length + 1)) return; /* with the last quote */
    plain = copy_plain(buffer->data + buffer->length, text.data, text.length);
    buffer->length += plain;
  }
  buffer_append_char(buffer, '"');
}

void json_writer_string(struct buffer *buffer, struct str text) {
  if (!buffer_reserve(buffer, text.length + 2)) return; /* with both quotes */
  char *at = buffer->data + buffer->length;
  at[0] = '"';
  size_t plain = copy_plain(at + 1, text.data, text.length);
  buffer->length += plain + 1;
  if (plain < text.length) {
    append_escaped(buffer, (struct str){text.data + plain, text.length - plain});
    return;
  }
  at[plain + 1] = '"';
  buffer->length++;
}

__attribute__((noinline)) static void append_mended(struct buffer *buffer, struct str text) {
  struct buffer mended = BUFFER_EMPTY;
  while (text.length > 0) {
    size_t valid = utf8_valid_prefix(text);
    buffer_append(&mended, text.data, valid);
    if (valid < text.length) buffer_append_text(&mended, "\xEF\xBF\xBD");
    size_t done = valid < text.length ? valid + 1 : valid;
    text = (struct str){text.data + done, text.length - done};
  }
  json_writer_string(buffer, buffer_str(&mended));
  if (mended.failed) buffer->failed = true;
  buffer_free(&mended);
}

void json_writer_mended(struct buffer *buffer, struct str text) {
  if (utf8_valid(text))
    json_writer_string(buffer, text);
  else
    append_mended(buffer, text);
}

void json_writer_append_member(struct buffer *buffer, const char *name, struct str value) {
  bool is_first = buffer->length > 0 && buffer->data[buffer->length - 1] == '{';
  buffer_append_text(buffer, is_first ? "\"" : ",\"");
  buffer_append_text(buffer, name);
  buffer_append_text(buffer, "\":");
  if (value.data)
    json_writer_string(buffer, value);
  else
    buffer_append_text(buffer, "null");
}

size_t json_writer_format_long_int(char text[JSON_INT_SIZE], long long number) {
  char digits[JSON_INT_SIZE];
  size_t at = sizeof(digits);
  unsigned long long rest =
      number < 0 ? 0ULL - (unsigned long long)number : (unsigned long long)number;
  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (number < 0) digits[--at] = '-';
  size_t length = sizeof(digits) - at;
  memcpy(text, digits + at, length);
  return length;
}

void json_writer_int(struct buffer *buffer, long long number) {
  if (!buffer_reserve(buffer, JSON_INT_SIZE)) return;
  buffer->length += json_writer_format_int(buffer->data + buffer->length, number);
}
