/* token.c: the rules for tokens. Formats: RFC 7515 (JWS), 7519 (JWT). */
#include "lib/auth/token.h"

#include "lib/base/cleanup.h"
#include "lib/base/encoding.h"
#include "lib/base/utf8.h"

#include <assert.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>

enum { PART_COUNT = 3 };

/* Later than any clock: tokens may say 1e300, and sums with that would overflow. */
static const int64_t TIME_HIGHEST = INT64_C(1) << 53;

DEFINE_CLEANUP(json_t *, json_decref);
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free);

bool token_from_header(struct str header, struct str *ret_token) {
  static const struct str SCHEME = {"Bearer", 6};
  header = str_trim(header);
  if (header.length <= SCHEME.length || header.data[SCHEME.length] != ' ') return false;
  if (!str_equal_ignore_case((struct str){header.data, SCHEME.length}, SCHEME)) return false;
  struct str token =
      str_trim((struct str){header.data + SCHEME.length, header.length - SCHEME.length});
  if (token.length == 0 || memchr(token.data, ' ', token.length) ||
      memchr(token.data, '\t', token.length) || memchr(token.data, ',', token.length))
    return false;
  *ret_token = token;
  return true;
}

static bool split(struct str token, struct str parts[PART_COUNT]) {
  for (int i = 0; i < PART_COUNT; i++) {
    const char *dot = memchr(token.data, '.', token.length);
    bool last = i == PART_COUNT - 1;
    if (last != !dot) return false;
    size_t length = dot ? (size_t)(dot - token.data) : token.length;
    if (length == 0) return false;
    parts[i] = (struct str){token.data, length};
    token.data += length + !last;
    token.length -= length + !last;
  }
  return true;
}

/* A part as a JSON object; NULL when it is anything else. Every number is read as a double, since
 * an integer may be larger than 2^63. */
static json_t *decode_object(struct str part) {
  char bytes[TOKEN_SIZE_LIMIT];
  size_t length = 0;
  if (!encoding_base64url_decode(part, bytes, sizeof(bytes), &length)) return NULL;
  json_t *object =
      json_loadb(bytes, length, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
  if (json_is_object(object)) return object;
  json_decref(object);
  return NULL;
}

static struct str claim_text(const json_t *object, const char *name) {
  const json_t *value = json_object_get(object, name);
  if (!json_is_string(value)) return (struct str){0};
  return (struct str){json_string_value(value), json_string_length(value)};
}

/* A NumericDate, whole or not (RFC 7519, section 2); false when the claim is absent or no number.
 */
static bool claim_time(const json_t *object, const char *name, double *ret_seconds) {
  const json_t *value = json_object_get(object, name);
  if (!json_is_real(value)) return false;
  *ret_seconds = json_real_value(value);
  return true;
}

/* The first whole second that is not before `seconds`. */
static int64_t second_from(double seconds) {
  if (seconds <= 0) return 0;
  if (seconds >= (double)TIME_HIGHEST) return TIME_HIGHEST;
  int64_t whole = (int64_t)seconds;
  return (double)whole < seconds ? whole + 1 : whole;
}

static bool is_client(const struct auth_options *options, struct str id) {
  struct str rest = options->client_ids, item;
  while (str_next(&rest, ',', &item))
    if (item.length > 0 && str_equal(item, id)) return true;
  return false;
}

/* `aud` is a string or an array of strings, and nothing else beside them (RFC 7519, section 4.1.3).
 */
static bool audience_has_client(const json_t *claims, const struct auth_options *options) {
  const json_t *audience = json_object_get(claims, "aud");
  if (!json_is_array(audience)) return is_client(options, claim_text(claims, "aud"));
  bool found = false;
  size_t index;
  const json_t *item;
  json_array_foreach(audience, index, item) {
    if (!json_is_string(item)) return false;
    struct str id = {json_string_value(item), json_string_length(item)};
    found = found || is_client(options, id);
  }
  return found;
}

static const char *check_issue(const json_t *claims, const struct auth_options *options) {
  if (!str_equal(claim_text(claims, "iss"), str_from(options->issuer))) return "another issuer";
  struct str use = claim_text(claims, "token_use");
  if (str_equal(use, STR("access")))
    return is_client(options, claim_text(claims, "client_id")) ? NULL : "another client";
  if (str_equal(use, STR("id")))
    return audience_has_client(claims, options) ? NULL : "another audience";
  return "neither an access nor an id token";
}

static const char *check_times(const json_t *claims, int64_t now_s, struct token_claims *result) {
  double expires_s, begins_s, issued_s;
  if (!claim_time(claims, "exp", &expires_s)) return "no time of expiry";
  result->good_until_s = second_from(expires_s) + TOKEN_LEEWAY_S;
  if (now_s >= result->good_until_s) return "expired";
  if (json_object_get(claims, "iat") && !claim_time(claims, "iat", &issued_s))
    return "a malformed time of issue";
  if (!json_object_get(claims, "nbf")) return NULL;
  if (!claim_time(claims, "nbf", &begins_s)) return "a malformed time of beginning";
  return begins_s > (double)(now_s + TOKEN_LEEWAY_S) ? "not valid yet" : NULL;
}

/* Seeded users share the id 'MOCK' until they are given their own: nobody may sign in as all of
 * them. */
static const char *check_sub(const json_t *claims, struct token_claims *result) {
  struct str sub = claim_text(claims, "sub");
  if (!sub.data || utf8_is_blank(sub) || sub.length > TOKEN_SUB_LIMIT) return "no usable sub";
  if (str_equal(sub, STR("MOCK"))) return "the sub of seeded users";
  memcpy(result->sub, sub.data, sub.length);
  result->sub_length = sub.length;
  return NULL;
}

static const char *check_claims(struct str payload, const struct auth_options *options,
                                int64_t now_s, struct token_claims *result) {
  _cleanup_(json_decref_p) json_t *claims = decode_object(payload);
  if (!claims) return "a malformed payload";
  const char *reason = check_issue(claims, options);
  if (!reason) reason = check_times(claims, now_s, result);
  if (!reason) reason = check_sub(claims, result);
  return reason;
}

/* Before any crypto: the algorithm is ours to choose, not the token's. */
static const char *check_header(const json_t *header) {
  if (!header) return "a malformed header";
  if (!str_equal(claim_text(header, "alg"), STR("RS256"))) return "an algorithm other than RS256";
  if (json_object_get(header, "crit")) return "an extension that must be understood";
  struct str kid = claim_text(header, "kid");
  return kid.length == 0 || kid.length > JWKS_KID_LIMIT ? "no key id" : NULL;
}

/* RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, section 3.3) over the first two parts as they came. By
 * OpenSSL itself: libjwt 1.10.2 reads its key from PEM for each token, which with OpenSSL 3.0 took
 * 530 us where this takes 35, and made bad tokens far cheaper to send than to refuse. */
static bool signature_is_valid(const struct str parts[PART_COUNT], EVP_PKEY *key) {
  unsigned char signature[JWKS_MODULUS_HIGHEST / 8];
  size_t length = 0;
  if (!encoding_base64url_decode(parts[2], signature, sizeof(signature), &length)) return false;
  const unsigned char *signed_text = (const unsigned char *)parts[0].data;
  size_t signed_length = parts[0].length + 1 + parts[1].length;
  _cleanup_(EVP_MD_CTX_free_p) EVP_MD_CTX *context = EVP_MD_CTX_new();
  bool valid = context &&
               EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
               EVP_DigestVerify(context, signature, length, signed_text, signed_length) == 1;
  ERR_clear_error();
  return valid;
}

static struct token_answer bad(const char *reason) {
  return (struct token_answer){.verdict = TOKEN_BAD, .reason = reason};
}

/* All rules but the key's come first where there is no key: what is bad anyway asks for no fetch.
 */
static struct token_answer verify(const struct jwks *keys, const struct auth_options *options,
                                  struct str token, int64_t now_s) {
  struct str parts[PART_COUNT];
  if (!split(token, parts)) return bad("not three parts");
  _cleanup_(json_decref_p) json_t *header = decode_object(parts[0]);
  const char *reason = check_header(header);
  if (reason) return bad(reason);
  EVP_PKEY *key = keys ? jwks_find(keys, claim_text(header, "kid")) : NULL;
  if (key && !signature_is_valid(parts, key)) return bad("a wrong signature");
  struct token_answer answer = {.verdict = TOKEN_GOOD};
  reason = check_claims(parts[1], options, now_s, &answer.claims);
  if (reason) return bad(reason);
  if (!key) return (struct token_answer){.verdict = TOKEN_WAIT, .reason = "an unknown key"};
  assert(answer.claims.sub_length > 0 && now_s < answer.claims.good_until_s);
  return answer;
}

struct token_answer token_check(const struct jwks *keys, struct verified *cache,
                                const struct auth_options *options, struct str token,
                                int64_t now_s) {
  struct token_answer answer = {.verdict = TOKEN_GOOD};
  struct verified_hash hash;
  if (token.length == 0 || token.length > TOKEN_SIZE_LIMIT) return bad("a bad size");
  bool hashed = cache && verified_hash(cache, token, &hash);
  if (hashed && verified_find(cache, &hash, now_s, &answer.claims)) return answer;
  answer = verify(keys, options, token, now_s);
  if (hashed && answer.verdict == TOKEN_GOOD)
    verified_remember(cache, &hash, &answer.claims, now_s);
  return answer;
}
