/* json_writer.h: JSON text (RFC 8259) appended to a buffer; the caller writes the punctuation. */
#pragma once

#include "lib/base/buffer.h"

/* Appends `text`, quoted and escaped. Bytes that are not UTF-8 pass through: check before. */
void json_writer_string(struct buffer *buffer, struct str text);

/* The same for text that nobody has checked: each byte that is no UTF-8 becomes U+FFFD. */
void json_writer_mended(struct buffer *buffer, struct str text);

/* Appends the member `name` of an object, with a comma before it unless it is the first. `name` is
 * written as it is; a value whose data is NULL becomes null. */
void json_writer_append_member(struct buffer *buffer, const char *name, struct str value);

enum { JSON_INT_SIZE = 24 }; /* longer than the longest number */

/* json_writer_format_int() for numbers of more than a digit. */
size_t json_writer_format_long_int(char text[JSON_INT_SIZE], long long number);

/* Writes a decimal number into `text`, without a NUL; returns its length. */
static inline size_t json_writer_format_int(char text[JSON_INT_SIZE], long long number) {
  if (number < 0 || number > 9) return json_writer_format_long_int(text, number);
  text[0] = (char)('0' + number); /* as most counts are */
  return 1;
}

/* Appends a decimal number. */
void json_writer_int(struct buffer *buffer, long long number);
