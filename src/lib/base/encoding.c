/* encoding.c: hexadecimal, base64url and percent-encoding, written and read. */
#include "lib/base/encoding.h"

#include "lib/base/utf8.h"

#include <assert.h>
#include <ctype.h>

static const char HEX_DIGITS[] = "0123456789abcdef";
static const char HEX_UPPER[] = "0123456789ABCDEF";
static const char BASE64URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int encoding_hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

char *encoding_hex_write(char *text, const void *bytes, size_t count) {
  const unsigned char *input = bytes;
  for (size_t i = 0; i < count; i++) {
    *text++ = HEX_DIGITS[input[i] >> 4];
    *text++ = HEX_DIGITS[input[i] & 15];
  }
  return text;
}

bool encoding_hex_read(const char *text, void *bytes, size_t count) {
  unsigned char *output = bytes;
  for (size_t i = 0; i < count; i++) {
    int high = encoding_hex_value(text[2 * i]);
    int low = high < 0 ? -1 : encoding_hex_value(text[2 * i + 1]);
    if (low < 0) return false;
    output[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}

void encoding_hex_append(struct buffer *buffer, const void *bytes, size_t length) {
  if (length > SIZE_MAX / 2 || !buffer_reserve(buffer, 2 * length)) {
    buffer->failed = true;
    return;
  }
  encoding_hex_write(buffer->data + buffer->length, bytes, length);
  buffer->length += 2 * length;
}

void encoding_base64url_append(struct buffer *buffer, const void *bytes, size_t length) {
  const unsigned char *input = bytes;
  uint32_t bits = 0;
  unsigned count = 0;
  for (size_t i = 0; i < length; i++) {
    bits = bits << 8 | input[i];
    count += 8;
    while (count >= 6) {
      count -= 6;
      buffer_append_char(buffer, BASE64URL[bits >> count & 63]);
    }
  }
  if (count > 0) buffer_append_char(buffer, BASE64URL[bits << (6 - count) & 63]);
}

static int base64url_value(char digit) {
  if (digit >= 'A' && digit <= 'Z') return digit - 'A';
  if (digit >= 'a' && digit <= 'z') return digit - 'a' + 26;
  if (digit >= '0' && digit <= '9') return digit - '0' + 52;
  if (digit == '-') return 62;
  if (digit == '_') return 63;
  return -1;
}

bool encoding_base64url_decode(struct str text, void *bytes, size_t capacity, size_t *ret_length) {
  unsigned char *output = bytes;
  size_t length = 0;
  uint32_t bits = 0;
  unsigned count = 0;
  for (size_t i = 0; i < text.length; i++) {
    int value = base64url_value(text.data[i]);
    if (value < 0) return false;
    bits = (bits << 6 | (uint32_t)value) & 0xFFFF;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    if (length == capacity) return false;
    output[length++] = (unsigned char)(bits >> count);
  }
  if (count == 6 || (bits & ((1U << count) - 1)) != 0) return false;
  *ret_length = length;
  return true;
}

bool encoding_percent_decode(struct str text, bool plus_is_space, char *output,
                             size_t *ret_length) {
  size_t length = 0;
  for (size_t i = 0; i < text.length; i++) {
    char byte = text.data[i];
    if (byte == '%') {
      int high = text.length - i > 2 ? encoding_hex_value(text.data[i + 1]) : -1;
      int low = high >= 0 ? encoding_hex_value(text.data[i + 2]) : -1;
      if (low < 0 || (high == 0 && low == 0)) return false;
      byte = (char)(high << 4 | low);
      i += 2;
    } else if (byte == '+' && plus_is_space) {
      byte = ' ';
    }
    output[length++] = byte;
  }
  assert(length <= text.length); /* `output` has no room for more */
  if (!utf8_valid((struct str){output, length})) return false;
  *ret_length = length;
  return true;
}

void encoding_percent_append(struct buffer *buffer, struct str text) {
  for (size_t i = 0; i < text.length; i++) {
    unsigned char byte = (unsigned char)text.data[i];
    bool plain = byte > 0 && byte < 0x80 && (isalnum(byte) || strchr("-._~", byte));
    if (plain) {
      buffer_append_char(buffer, (char)byte);
    } else {
      buffer_append_char(buffer, '%');
      buffer_append_char(buffer, HEX_UPPER[byte >> 4]);
      buffer_append_char(buffer, HEX_UPPER[byte & 15]);
    }
  }
}
