/* tokens.h: keys, key sets and tokens for unit tests, made with OpenSSL and not with what is
 * tested. */
#pragma once

#include "lib/base/buffer.h"

#include <openssl/types.h>

struct signer; /* an RSA key pair with a key id */

/* A new pair of `bits` (2048: what the pool has) named `kid`, which is not copied. */
struct signer *signer_new(unsigned bits, const char *kid);
struct signer *signer_free(struct signer *signer);

/* True when `key` is the signer's. */
bool signer_has_key(const struct signer *signer, const EVP_PKEY *key);

/* Appends the public key as PEM. */
void signer_append_pem(const struct signer *signer, struct buffer *buffer);

/* Appends the public key as an element of a key set; `extra` goes in front of its members. */
void signer_append_key(const struct signer *signer, const char *extra, struct buffer *buffer);

/* Makes a key set document of up to two signers (the second may be NULL). The caller frees it. */
char *signers_document(const struct signer *first, const struct signer *second);

/* A token with this header and payload, signed by RSA and `digest` ("SHA256"). The caller frees it.
 */
char *signer_sign(const struct signer *signer, const char *digest, const char *header,
                  const char *payload);

/* The header of the pool's tokens with the signer's key id. */
char *signer_header(const struct signer *signer);

/* An access token of issuer "https://pool.example" and client "client-1" that expires at
 * `expires_s`. */
char *signer_access_token(const struct signer *signer, const char *subject, long long expires_s);
