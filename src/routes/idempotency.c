/* idempotency.c: the Idempotency-Key of a request: reading, hashing and binding it. */
#include "routes/idempotency.h"

#include <endian.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

_Static_assert((int)IDEMPOTENCY_HASH_SIZE == (int)SHA256_DIGEST_LENGTH, "a hash is a SHA-256");

static const char HEADER[] = "Idempotency-Key";

static bool key_is_valid(struct str key) {
  if (key.length == 0 || key.length > IDEMPOTENCY_KEY_LIMIT) return false;
  for (size_t i = 0; i < key.length; i++)
    if (key.data[i] < ' ' || key.data[i] > '~') return false;
  return true;
}

/* The length is hashed in a fixed byte order, because other servers compare this hash with theirs.
 */
static bool hash_part(EVP_MD_CTX *context, struct str part) {
  uint64_t length = htobe64(part.length);
  return EVP_DigestUpdate(context, &length, sizeof(length)) == 1 &&
         EVP_DigestUpdate(context, part.data, part.length) == 1;
}

/* Hashes what makes a request a different one; false when OpenSSL fails. The lengths are hashed as
 * well, so that text cannot move from one part to the next unnoticed. */
static bool hash_request(struct str route, struct str parameter, struct str body,
                         unsigned char ret_hash[IDEMPOTENCY_HASH_SIZE]) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  bool hashed = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                hash_part(context, route) && hash_part(context, parameter) &&
                hash_part(context, body) && EVP_DigestFinal_ex(context, ret_hash, NULL) == 1;
  EVP_MD_CTX_free(context);
  return hashed;
}

bool idempotency_read(struct http_request *request, struct str route, struct str parameter,
                      const struct idempotency **ret_idempotency) {
  *ret_idempotency = NULL;
  unsigned count = http_request_header_count(request, HEADER);
  if (count == 0) return true;
  struct str key = http_request_header(request, HEADER);
  if (count > 1 || !key_is_valid(key)) {
    http_answer_error(request, HTTP_BAD_REQUEST, "idempotency_key_invalid");
    return false;
  }
  struct idempotency *idempotency = http_request_alloc(request, sizeof(*idempotency));
  if (!idempotency ||
      !hash_request(route, parameter, http_request_body(request), idempotency->hash)) {
    http_answer_internal_error(request, "out of memory for an Idempotency-Key");
    return false;
  }
  idempotency->key = key;
  *ret_idempotency = idempotency;
  return true;
}

struct str idempotency_hash_str(const struct idempotency *idempotency) {
  return (struct str){(const char *)idempotency->hash, sizeof(idempotency->hash)};
}

void idempotency_bind(struct pg_batch *batch, const struct idempotency *idempotency) {
  pg_batch_bind_text(batch, idempotency->key);
  pg_batch_bind_text(batch, idempotency_hash_str(idempotency));
  pg_batch_lock_unknown(batch, idempotency->key);
}

bool idempotency_answers_reuse(struct http_request *request, const struct pg_result *result) {
  if (pg_result_rows(result) == 0 || pg_result_is_null(result, 0, "_reused")) return false;
  http_answer_error(request, HTTP_UNPROCESSABLE, "idempotency_key_reused");
  return true;
}
