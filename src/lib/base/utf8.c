/* utf8.c: decodes UTF-8 strictly: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
#include "lib/base/utf8.h"

#include <assert.h>

/* Decodes the code point at `text`, of which `available` bytes exist; returns its length in bytes,
 * 0 when it is ill-formed (RFC 3629, section 4). */
static size_t decode(const unsigned char *text, size_t available, uint32_t *ret_code_point) {
  unsigned char first = text[0];
  if (first < 0x80) {
    *ret_code_point = first;
    return 1;
  }
  size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || available < length) return 0;
  uint32_t code_point = first & (0xFFU >> (length + 1));
  for (size_t i = 1; i < length; i++) {
    if ((text[i] & 0xC0) != 0x80) return 0;
    code_point = code_point << 6 | (text[i] & 0x3FU);
  }
  static const uint32_t SMALLEST[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code_point < SMALLEST[length] || code_point > 0x10FFFF) return 0;
  if (code_point >= 0xD800 && code_point <= 0xDFFF) return 0;
  *ret_code_point = code_point;
  return length;
}

/* The number of bytes below 0x80 that `text` begins with: most text is nothing else, and is read a
 * word at a time. */
static size_t ascii_prefix(struct str text) {
  size_t at = 0;
  for (uint64_t word; text.length - at >= sizeof(word); at += sizeof(word)) {
    memcpy(&word, text.data + at, sizeof(word));
    if (word & 0x8080808080808080ULL) break;
  }
  while (at < text.length && (unsigned char)text.data[at] < 0x80)
    at++;
  return at;
}

size_t utf8_valid_prefix(struct str text) {
  const unsigned char *bytes = (const unsigned char *)text.data;
  uint32_t code_point;
  size_t at = 0;
  while (at < text.length) {
    at += ascii_prefix((struct str){text.data + at, text.length - at});
    if (at == text.length) break;
    size_t length = decode(bytes + at, text.length - at, &code_point);
    if (length == 0) break;
    at += length;
  }
  return at;
}

bool utf8_valid(struct str text) {
  return utf8_valid_prefix(text) == text.length;
}

size_t utf8_length(struct str text) {
  size_t count = 0;
  for (size_t i = 0; i < text.length; i++)
    count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
  return count;
}

bool utf8_is_white_space(uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool utf8_is_blank(struct str text) {
  const unsigned char *bytes = (const unsigned char *)text.data;
  uint32_t code_point;
  for (size_t at = 0; at < text.length;) {
    size_t length = decode(bytes + at, text.length - at, &code_point);
    if (length == 0 || !invisible_has(code_point)) return false;
    at += length;
  }
  return true;
}

/* Controls, and the two separators of Unicode, which begin a new line as well. */
static bool is_control(uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029;
}

/* What makes the text around a name run the other way: embeddings, overrides, isolates, and what
 * ends them. */
static bool is_bidi_control(uint32_t c) {
  return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

size_t utf8_to_one_line(struct str text, char *output) {
  const unsigned char *bytes = (const unsigned char *)text.data;
  size_t written = 0;
  uint32_t code_point = 0;
  for (size_t at = 0, length; at < text.length; at += length) {
    length = decode(bytes + at, text.length - at, &code_point);
    assert(length > 0 && "the text is well-formed");
    if (is_control(code_point)) {
      output[written++] = ' ';
    } else if (!is_bidi_control(code_point)) {
      memcpy(output + written, bytes + at, length);
      written += length;
    }
  }
  return written;
}

bool utf8_next(struct str *rest, uint32_t *ret_code_point) {
  if (rest->length == 0) return false;
  size_t length = decode((const unsigned char *)rest->data, rest->length, ret_code_point);
  assert(length > 0 && "the text was checked before");
  *rest = (struct str){rest->data + length, rest->length - length};
  return true;
}
