/* jwks.c: the keys of the pool, built once when the document is read. A set does not change after
 * that; any thread may hold a reference, and the last one frees it. */
#include "lib/auth/jwks.h"

#include "lib/base/cleanup.h"
#include "lib/base/encoding.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { EXPONENT_BITS_HIGHEST = 64 };

struct key {
  char kid[JWKS_KID_LIMIT];
  size_t kid_length;
  EVP_PKEY *public_key; /* owned */
};

struct jwks {
  atomic_uint references;
  size_t count;
  struct key keys[JWKS_KEYS_LIMIT];
};

DEFINE_CLEANUP(json_t *, json_decref);
DEFINE_CLEANUP(BIGNUM *, BN_free);
DEFINE_CLEANUP(OSSL_PARAM_BLD *, OSSL_PARAM_BLD_free);
DEFINE_CLEANUP(OSSL_PARAM *, OSSL_PARAM_free);
DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free);

static struct str member_text(const json_t *object, const char *name) {
  const json_t *value = json_object_get(object, name);
  if (!json_is_string(value)) return (struct str){0};
  return (struct str){json_string_value(value), json_string_length(value)};
}

/* True when the member is absent or the string `wanted`. */
static bool absent_or(const json_t *object, const char *name, struct str wanted) {
  const json_t *value = json_object_get(object, name);
  return !value || (json_is_string(value) && str_equal(member_text(object, name), wanted));
}

/* An unsigned big-endian number in base64url (RFC 7518, section 6.3.1). */
static BIGNUM *member_number(const json_t *object, const char *name) {
  unsigned char bytes[JWKS_MODULUS_HIGHEST / 8 + 1];
  size_t length = 0;
  struct str text = member_text(object, name);
  if (text.length == 0 || !encoding_base64url_decode(text, bytes, sizeof(bytes), &length))
    return NULL;
  return BN_bin2bn(bytes, (int)length, NULL);
}

static bool numbers_sound(const BIGNUM *modulus, const BIGNUM *exponent) {
  int bits = BN_num_bits(modulus);
  return bits >= JWKS_MODULUS_LOWEST && bits <= JWKS_MODULUS_HIGHEST && BN_is_odd(modulus) &&
         BN_is_odd(exponent) && !BN_is_one(exponent) &&
         BN_num_bits(exponent) <= EXPONENT_BITS_HIGHEST;
}

static EVP_PKEY *make_public_key(const BIGNUM *modulus, const BIGNUM *exponent) {
  _cleanup_(OSSL_PARAM_BLD_free_p) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
  if (!builder || !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) ||
      !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent))
    return NULL;
  _cleanup_(OSSL_PARAM_free_p) OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
  _cleanup_(EVP_PKEY_CTX_free_p) EVP_PKEY_CTX *context =
      EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
  EVP_PKEY *key = NULL;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context) <= 0 ||
      EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) <= 0)
    return NULL;
  return key;
}

/* Fills `key` from an element of the document; false when the element is not usable. */
static bool read_key(const json_t *element, struct key *key) {
  struct str kid = member_text(element, "kid");
  if (!json_is_object(element) || !str_equal(member_text(element, "kty"), STR("RSA"))) return false;
  if (!absent_or(element, "use", STR("sig")) || !absent_or(element, "alg", STR("RS256")))
    return false;
  if (kid.length == 0 || kid.length > JWKS_KID_LIMIT) return false;
  _cleanup_(BN_free_p) BIGNUM *modulus = member_number(element, "n");
  _cleanup_(BN_free_p) BIGNUM *exponent = member_number(element, "e");
  if (!modulus || !exponent || !numbers_sound(modulus, exponent)) return false;
  key->public_key = make_public_key(modulus, exponent);
  if (!key->public_key) return false;
  memcpy(key->kid, kid.data, kid.length);
  key->kid_length = kid.length;
  return true;
}

static bool read_keys(const json_t *elements, struct jwks *set, struct error *error) {
  size_t index;
  const json_t *element;
  json_array_foreach(elements, index, element) {
    struct key key = {0};
    if (!read_key(element, &key)) continue;
    if (jwks_find(set, (struct str){key.kid, key.kid_length})) {
      EVP_PKEY_free(key.public_key);
      return error_set(error, ERROR_INVALID, "the key set names two keys alike");
    }
    set->keys[set->count++] = key;
  }
  ERR_clear_error();
  if (set->count == 0)
    return error_set(error, ERROR_INVALID,
                     "the key set has no RSA key of at least %d bits that signs with RS256",
                     JWKS_MODULUS_LOWEST);
  return true;
}

struct jwks *jwks_parse(struct str document, struct error *error) {
  if (document.length > JWKS_SIZE_LIMIT) {
    error_set(error, ERROR_INVALID, "the key set is longer than %d bytes", JWKS_SIZE_LIMIT);
    return NULL;
  }
  _cleanup_(json_decref_p) json_t *root =
      json_loadb(document.data ? document.data : "", document.length, JSON_REJECT_DUPLICATES, NULL);
  const json_t *elements = json_object_get(root, "keys");
  if (!json_is_array(elements)) {
    error_set(error, ERROR_INVALID, "the key set is not a JSON object with an array \"keys\"");
    return NULL;
  }
  if (json_array_size(elements) > JWKS_KEYS_LIMIT) {
    error_set(error, ERROR_INVALID, "the key set has more than %d keys", JWKS_KEYS_LIMIT);
    return NULL;
  }
  struct jwks *set = calloc(1, sizeof(*set));
  if (!set) {
    error_set(error, ERROR_MEMORY, "out of memory");
    return NULL;
  }
  atomic_init(&set->references, 1);
  return read_keys(elements, set, error) ? set : jwks_unref(set);
}

struct jwks *jwks_ref(struct jwks *set) {
  atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
  return set;
}

struct jwks *jwks_unref(struct jwks *set) {
  if (!set || atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) > 1) return NULL;
  for (size_t i = 0; i < set->count; i++)
    EVP_PKEY_free(set->keys[i].public_key);
  free(set);
  return NULL;
}

size_t jwks_count(const struct jwks *set) {
  return set->count;
}

EVP_PKEY *jwks_find(const struct jwks *set, struct str kid) {
  for (size_t i = 0; i < set->count; i++) {
    const struct key *key = &set->keys[i];
    if (str_equal((struct str){key->kid, key->kid_length}, kid)) return key->public_key;
  }
  return NULL;
}

bool jwks_equal(const struct jwks *a, const struct jwks *b) {
  if (a->count != b->count) return false;
  for (size_t i = 0; i < a->count; i++) {
    const struct key *x = &a->keys[i], *y = &b->keys[i];
    if (!str_equal((struct str){x->kid, x->kid_length}, (struct str){y->kid, y->kid_length}) ||
        EVP_PKEY_eq(x->public_key, y->public_key) != 1)
      return false;
  }
  return true;
}
