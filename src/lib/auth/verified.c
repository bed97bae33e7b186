/* verified.c: the tokens that one loop verified before: a set-associative table, in which a hash
 * picks a row of a few places. It belongs to one loop, and is cleared at once by counting its
 * generations. */
#include "lib/auth/verified.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>

enum { ROW_PLACES = 8, ROW_COUNT = VERIFIED_LIMIT / ROW_PLACES };
_Static_assert(ROW_COUNT *ROW_PLACES == VERIFIED_LIMIT, "rows are full");

struct remembered {
  struct verified_hash hash;
  uint64_t generation; /* of the table when it was written; 0: never */
  uint64_t used;       /* the table's count of look-ups when it was used last */
  struct token_claims claims;
};

struct verified {
  EVP_MD *sha256;
  EVP_MD_CTX *hashing;
  uint64_t generation; /* what was written under an earlier one counts as empty */
  uint64_t look_ups;
  struct remembered rows[ROW_COUNT][ROW_PLACES];
};

struct verified *verified_new(void) {
  struct verified *verified = calloc(1, sizeof(*verified));
  if (!verified) return NULL;
  verified->generation = 1;
  verified->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
  verified->hashing = EVP_MD_CTX_new();
  return verified->sha256 && verified->hashing ? verified : verified_free(verified);
}

struct verified *verified_free(struct verified *verified) {
  if (!verified) return NULL;
  EVP_MD_CTX_free(verified->hashing);
  EVP_MD_free(verified->sha256);
  free(verified);
  return NULL;
}

bool verified_hash(struct verified *verified, struct str token, struct verified_hash *ret_hash) {
  unsigned length = 0;
  return EVP_DigestInit_ex2(verified->hashing, verified->sha256, NULL) == 1 &&
         EVP_DigestUpdate(verified->hashing, token.data, token.length) == 1 &&
         EVP_DigestFinal_ex(verified->hashing, ret_hash->bytes, &length) == 1 &&
         length == VERIFIED_HASH_SIZE;
}

static struct remembered *row_of(struct verified *verified, const struct verified_hash *hash) {
  uint32_t number;
  memcpy(&number, hash->bytes, sizeof(number));
  return verified->rows[number % ROW_COUNT];
}

static bool is_current(const struct verified *verified, const struct remembered *place,
                       int64_t now_s) {
  return place->generation == verified->generation && now_s < place->claims.good_until_s;
}

bool verified_find(struct verified *verified, const struct verified_hash *hash, int64_t now_s,
                   struct token_claims *ret_claims) {
  struct remembered *row = row_of(verified, hash);
  verified->look_ups++;
  for (int i = 0; i < ROW_PLACES; i++) {
    struct remembered *place = &row[i];
    if (memcmp(&place->hash, hash, sizeof(*hash)) != 0 || !is_current(verified, place, now_s))
      continue;
    place->used = verified->look_ups;
    *ret_claims = place->claims;
    return true;
  }
  return false;
}

/* The place to write to: one that does not count any more, or else the one used least lately. */
static struct remembered *place_for(struct verified *verified, const struct verified_hash *hash,
                                    int64_t now_s) {
  struct remembered *row = row_of(verified, hash);
  struct remembered *oldest = &row[0];
  for (int i = 0; i < ROW_PLACES; i++) {
    if (!is_current(verified, &row[i], now_s)) return &row[i];
    if (row[i].used < oldest->used) oldest = &row[i];
  }
  return oldest;
}

void verified_remember(struct verified *verified, const struct verified_hash *hash,
                       const struct token_claims *claims, int64_t now_s) {
  assert(claims->sub_length > 0 && claims->sub_length <= sizeof(claims->sub));
  struct remembered *place = place_for(verified, hash, now_s);
  place->hash = *hash;
  place->generation = verified->generation;
  place->used = verified->look_ups;
  place->claims = *claims;
}

void verified_clear(struct verified *verified) {
  verified->generation++;
}
