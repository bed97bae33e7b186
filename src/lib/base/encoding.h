/* encoding.h: bytes as text: hexadecimal, base64url (RFC 4648, section 5), percent-encoding (RFC
 * 3986). */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/str.h"

#include <stdint.h>

/* The value of a hexadecimal digit, -1 for another byte. */
int encoding_hex_value(char digit);

/* Writes two lower-case digits a byte, without a NUL; returns where they end. */
char *encoding_hex_write(char *text, const void *bytes, size_t count);

/* Reads the two digits, of either case, of each of `count` bytes. Returns false, with some of them
 * written, when another byte is among the digits. */
bool encoding_hex_read(const char *text, void *bytes, size_t count);

/* Appends two lower-case digits a byte. */
void encoding_hex_append(struct buffer *buffer, const void *bytes, size_t length);

/* Appends `bytes` in base64url without padding. */
void encoding_base64url_append(struct buffer *buffer, const void *bytes, size_t length);

/* Decodes base64url without padding into `bytes`; returns false when `text` holds anything else,
 * has left-over bits, or needs more than `capacity` bytes. */
bool encoding_base64url_decode(struct str text, void *bytes, size_t capacity, size_t *ret_length);

/* Decodes percent-encoding once, into `output`, which has room for `text.length` bytes and may be
 * where `text` is. With `plus_is_space` a '+' becomes a space, as in a query. Returns false for a
 * '%' without two digits, for %00 and for a result that is not UTF-8. */
bool encoding_percent_decode(struct str text, bool plus_is_space, char *output, size_t *ret_length);

/* Appends `text` with everything but RFC 3986's unreserved characters encoded. */
void encoding_percent_append(struct buffer *buffer, struct str text);
