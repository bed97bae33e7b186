/* json_writer.h: JSON text (RFC 8259) appended to a buffer; the caller writes the punctuation. */
#pragma once

#include "lib/base/buffer.h"

/* Appends `text`, quoted and escaped. Bytes that are not UTF-8 pass through: check before. */
void json_append_string(struct buffer *buffer, struct str text);

enum { JSON_INT_SIZE = 24 }; /* longer than the longest number */

/* Writes a decimal number into `text`, without a NUL; returns its length. */
size_t json_write_int(char text[JSON_INT_SIZE], long long number);

/* Appends a decimal number. */
void json_append_int(struct buffer *buffer, long long number);
