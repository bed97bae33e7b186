/* verified.h: the tokens that one loop verified before, by their SHA-256: so that RSA is paid once
 * a token and not once a request. A fixed block of memory; a full one forgets what was used least
 * lately. Inside of the room only. */
#pragma once

#include "lib/auth/claims.h"
#include "lib/base/str.h"

enum { VERIFIED_LIMIT = 4096 }; /* tokens remembered */

enum { VERIFIED_HASH_SIZE = 32 };

struct verified_hash {
  unsigned char bytes[VERIFIED_HASH_SIZE];
};

struct verified;

/* NULL when memory is out. */
struct verified *verified_new(void);

/* Takes NULL; returns NULL. */
struct verified *verified_free(struct verified *verified);

/* Hashes a token: once a request, for the look-up and for remembering. Returns false when OpenSSL
 * fails. */
bool verified_hash(struct verified *verified, struct str token, struct verified_hash *ret_hash);

/* True when the token was remembered and is good at `now_s`. */
bool verified_find(struct verified *verified, const struct verified_hash *hash, int64_t now_s,
                   struct token_claims *ret_claims);

/* Remembers a good token until it expires. */
void verified_remember(struct verified *verified, const struct verified_hash *hash,
                       const struct token_claims *claims, int64_t now_s);

/* Forgets everything: the keys changed. */
void verified_clear(struct verified *verified);
