/* group_id.c: the uuid of the group of two users that have none yet. */
#include "lib/messages/dynamodb/group_id.h"

#include <openssl/evp.h>

bool group_id_derive(const struct uuid *a, const struct uuid *b, struct uuid *ret_group) {
  static const char PURPOSE[] = "cruddur message group";
  bool in_order = memcmp(a->bytes, b->bytes, UUID_SIZE) < 0;
  unsigned char hashed[sizeof(PURPOSE) + 2 * UUID_SIZE], hash[EVP_MAX_MD_SIZE];
  memcpy(hashed, PURPOSE, sizeof(PURPOSE));
  memcpy(hashed + sizeof(PURPOSE), in_order ? a->bytes : b->bytes, UUID_SIZE);
  memcpy(hashed + sizeof(PURPOSE) + UUID_SIZE, in_order ? b->bytes : a->bytes, UUID_SIZE);
  if (EVP_Digest(hashed, sizeof(hashed), hash, NULL, EVP_sha256(), NULL) != 1) return false;
  memcpy(ret_group->bytes, hash, UUID_SIZE);
  ret_group->bytes[6] = (unsigned char)((ret_group->bytes[6] & 0x0F) | 0x80);
  ret_group->bytes[8] = (unsigned char)((ret_group->bytes[8] & 0x3F) | 0x80);
  return true;
}
