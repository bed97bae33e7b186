/* uuid.c: reads, writes and makes UUIDs. Writing is in the way of every answer, hence its table. */
#include "lib/base/uuid.h"

#include "lib/base/encoding.h"
#include "lib/base/random.h"

#include <assert.h>

bool uuid_parse(struct str text, struct uuid *ret_uuid) {
  static const unsigned char GROUPS[] = {4, 2, 2, 2, 6}; /* of bytes, with hyphens between */
  if (text.length != UUID_TEXT_LENGTH) return false;
  struct uuid uuid;
  const char *at = text.data;
  unsigned char *bytes = uuid.bytes;
  for (size_t i = 0; i < sizeof(GROUPS); i++) {
    if (i > 0 && *at++ != '-') return false;
    if (!encoding_hex_read(at, bytes, GROUPS[i])) return false;
    at += 2 * (size_t)GROUPS[i];
    bytes += GROUPS[i];
  }
  assert(at == text.data + UUID_TEXT_LENGTH && bytes == uuid.bytes + UUID_SIZE);
  *ret_uuid = uuid;
  return true;
}

/* The two digits of each byte: one copy a byte where encoding_hex_write() looks up each digit. */
static const char HEX[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
                          "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
                          "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
                          "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
                          "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
                          "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
                          "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
                          "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

static inline void put_two_bytes(char *text, const unsigned char *bytes) {
  memcpy(text, HEX + 2 * (size_t)bytes[0], 2);
  memcpy(text + 2, HEX + 2 * (size_t)bytes[1], 2);
}

void uuid_format(const unsigned char bytes[UUID_SIZE], char text[UUID_TEXT_LENGTH]) {
  put_two_bytes(text, bytes);
  put_two_bytes(text + 4, bytes + 2);
  text[8] = '-';
  put_two_bytes(text + 9, bytes + 4);
  text[13] = '-';
  put_two_bytes(text + 14, bytes + 6);
  text[18] = '-';
  put_two_bytes(text + 19, bytes + 8);
  text[23] = '-';
  put_two_bytes(text + 24, bytes + 10);
  put_two_bytes(text + 28, bytes + 12);
  put_two_bytes(text + 32, bytes + 14);
}

struct uuid uuid_random(void) {
  struct uuid uuid;
  random_bytes(uuid.bytes, sizeof(uuid.bytes));
  uuid.bytes[6] = (unsigned char)((uuid.bytes[6] & 0x0F) | 0x40);
  uuid.bytes[8] = (unsigned char)((uuid.bytes[8] & 0x3F) | 0x80);
  return uuid;
}
