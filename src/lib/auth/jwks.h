/* jwks.h: the public keys of the pool (RFC 7517) as an immutable, counted set. Inside of the room
 * only. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

enum {
  JWKS_SIZE_LIMIT = 64 * 1024, /* bytes of the document */
  JWKS_KEYS_LIMIT = 16,        /* keys in it, whether usable or not */
  JWKS_KID_LIMIT = 255,        /* bytes of a key's id */
  JWKS_MODULUS_LOWEST = 2048,  /* bits; RFC 7518, section 3.3 */
  JWKS_MODULUS_HIGHEST = 8192, /* bits; more only costs time */
};

struct jwks;

/* Reads a JWKS document. Of its keys those count that are RSA, for signatures (`use` sig or
 * absent), for RS256 (`alg` so or absent), have a `kid` and a modulus within the bounds; others are
 * passed over. Returns a set with one reference, or NULL for a document that is no such set, is
 * over a bound, has two usable keys of one `kid`, or has no usable key. */
struct jwks *jwks_parse(struct str document, struct error *error);

/* Takes another reference; from any thread. */
struct jwks *jwks_ref(struct jwks *set);

/* Drops a reference, and frees the set with the last one; from any thread. Takes NULL; returns
 * NULL. */
struct jwks *jwks_unref(struct jwks *set);

size_t jwks_count(const struct jwks *set);

/* The key named `kid`, borrowed from the set, for use from any thread; NULL when there is none. */
EVP_PKEY *jwks_find(const struct jwks *set, struct str kid);

/* True when both hold the same keys in the same order. */
bool jwks_equal(const struct jwks *a, const struct jwks *b);
