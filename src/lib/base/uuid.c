/* uuid.c: see uuid.h. */
#include "lib/base/uuid.h"

#include "lib/base/encoding.h"
#include "lib/base/random.h"

static bool is_hyphen_place(size_t place) {
  return place == 8 || place == 13 || place == 18 || place == 23;
}

bool uuid_parse(struct str text, struct uuid *ret_uuid) {
  if (text.length != UUID_TEXT_LENGTH) return false;
  struct uuid uuid;
  size_t filled = 0;
  for (size_t place = 0; place < UUID_TEXT_LENGTH;) {
    if (is_hyphen_place(place)) {
      if (text.data[place++] != '-') return false;
      continue;
    }
    int high = hex_value(text.data[place]), low = hex_value(text.data[place + 1]);
    if (high < 0 || low < 0) return false;
    uuid.bytes[filled++] = (unsigned char)(high << 4 | low);
    place += 2;
  }
  *ret_uuid = uuid;
  return true;
}

void uuid_format(const unsigned char bytes[UUID_SIZE], char text[UUID_TEXT_LENGTH]) {
  static const char DIGITS[] = "0123456789abcdef";
  size_t at = 0;
  for (size_t place = 0; place < UUID_TEXT_LENGTH;) {
    if (is_hyphen_place(place)) {
      text[place++] = '-';
      continue;
    }
    text[place++] = DIGITS[bytes[at] >> 4];
    text[place++] = DIGITS[bytes[at++] & 15];
  }
}

struct uuid uuid_random(void) {
  struct uuid uuid;
  random_bytes(uuid.bytes, sizeof(uuid.bytes));
  uuid.bytes[6] = (unsigned char)((uuid.bytes[6] & 0x0F) | 0x40);
  uuid.bytes[8] = (unsigned char)((uuid.bytes[8] & 0x3F) | 0x80);
  return uuid;
}
