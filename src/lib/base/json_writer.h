/* json_writer.h: JSON text (RFC 8259) appended to a buffer; the caller writes the punctuation. */
#pragma once

#include "lib/base/buffer.h"

/* Appends `text`, quoted and escaped. Bytes that are not UTF-8 pass through: check before. */
void json_append_string(struct buffer *buffer, struct str text);

/* Appends a decimal number. */
void json_append_int(struct buffer *buffer, long long number);
