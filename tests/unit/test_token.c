/* test_token.c: the contract's rules for tokens, each broken once. */
#include "tokens.h"
#include "unit.h"

#include "lib/auth/token.h"
#include "lib/base/encoding.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

static const int64_t NOW = 1700000000;

static const char USER[] = "8b1a9953-c461-4aa1-9c3d-0f1e5a6b7c8d";
static const char ISSUE[] = "\"iss\":\"https://pool.example\",\"token_use\":\"access\","
                            "\"client_id\":\"client-1\"";

static struct signer *known, *stranger;
static struct jwks *keys;

static const struct auth_options OPTIONS = {
    .jwks_url = "https://pool.example/jwks.json",
    .issuer = "https://pool.example",
    .client_ids = {"client-1, client-2,,", 20},
};

static struct token_answer check(struct str token) {
  return token_check(keys, NULL, &OPTIONS, token, NOW);
}

/* Signs as the pool does, checks, frees. */
static struct token_answer check_signed(const char *header, const char *payload) {
  char *usual = signer_header(known);
  char *token = signer_sign(known, "SHA256", header ? header : usual, payload);
  struct token_answer checked = check(str_from(token));
  free(token);
  free(usual);
  return checked;
}

static void expect_bad(struct token_answer checked, const char *reason) {
  assert_int_equal(checked.verdict, TOKEN_BAD);
  assert_string_equal(checked.reason, reason);
}

/* A payload that is good but for `claims`, which come instead of the usual sub and expiry. */
static struct token_answer check_with(const char *claims) {
  struct buffer payload = BUFFER_EMPTY;
  buffer_append_format(&payload, "{%s,%s}", ISSUE, claims);
  struct token_answer checked = check_signed(NULL, buffer_text(&payload));
  buffer_free(&payload);
  return checked;
}

static struct token_answer check_issue(const char *issue) {
  struct buffer payload = BUFFER_EMPTY;
  buffer_append_format(&payload, "{\"sub\":\"u\",\"exp\":1700000100,%s}", issue);
  struct token_answer checked = check_signed(NULL, buffer_text(&payload));
  buffer_free(&payload);
  return checked;
}

static void a_good_access_token_names_its_user(void **state) {
  char *token = signer_access_token(known, USER, NOW + 100);
  struct token_answer checked = check(str_from(token));
  assert_int_equal(checked.verdict, TOKEN_GOOD);
  assert_str_equal(((struct str){checked.claims.sub, checked.claims.sub_length}), USER);
  assert_int_equal(checked.claims.good_until_s, NOW + 100 + TOKEN_LEEWAY_S);
  free(token);
}

static void every_configured_client_is_accepted(void **state) {
  static const char *const GOOD[] = {
      "\"iss\":\"https://pool.example\",\"token_use\":\"access\",\"client_id\":\"client-2\"",
      "\"iss\":\"https://pool.example\",\"token_use\":\"id\",\"aud\":\"client-1\"",
      "\"iss\":\"https://pool.example\",\"token_use\":\"id\",\"aud\":[\"x\",\"client-2\"]",
  };
  for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++)
    assert_int_equal(check_issue(GOOD[i]).verdict, TOKEN_GOOD);
}

static void other_clients_are_not(void **state) {
  static const char *const ACCESS[] = {"\"x\":1",
                                       "\"client_id\":\"client-3\"",
                                       "\"client_id\":\"client-1, client-2\"",
                                       "\"client_id\":\"\"",
                                       "\"client_id\":[\"client-1\"]",
                                       "\"client_id\":\"Client-1\"",
                                       "\"aud\":\"client-1\""};
  static const char *const ID[] = {"\"x\":1",
                                   "\"aud\":\"client-3\"",
                                   "\"aud\":[]",
                                   "\"aud\":[\"client-3\",[\"client-1\"]]",
                                   "\"aud\":[\"client-1\",7]",
                                   "\"aud\":[null,\"client-1\"]",
                                   "\"client_id\":\"client-1\"",
                                   "\"aud\":{\"client-1\":1}"};
  char issue[256];
  for (size_t i = 0; i < sizeof(ACCESS) / sizeof(ACCESS[0]); i++) {
    snprintf(issue, sizeof(issue), "\"iss\":\"https://pool.example\",\"token_use\":\"access\",%s",
             ACCESS[i]);
    expect_bad(check_issue(issue), "another client");
  }
  for (size_t i = 0; i < sizeof(ID) / sizeof(ID[0]); i++) {
    snprintf(issue, sizeof(issue), "\"iss\":\"https://pool.example\",\"token_use\":\"id\",%s",
             ID[i]);
    expect_bad(check_issue(issue), "another audience");
  }
}

static void other_issuers_and_uses_are_refused(void **state) {
  static const char *const ISSUERS[] = {"\"x\":1", "\"iss\":\"https://pool.example/\"",
                                        "\"iss\":\"https://pool.exampl\"", "\"iss\":7",
                                        "\"iss\":[\"https://pool.example\"]"};
  static const char *const USES[] = {"\"x\":1", "\"token_use\":\"refresh\"", "\"token_use\":null",
                                     "\"token_use\":\"Access\""};
  char issue[256];
  for (size_t i = 0; i < sizeof(ISSUERS) / sizeof(ISSUERS[0]); i++) {
    snprintf(issue, sizeof(issue), "%s,\"token_use\":\"access\",\"client_id\":\"client-1\"",
             ISSUERS[i]);
    expect_bad(check_issue(issue), "another issuer");
  }
  for (size_t i = 0; i < sizeof(USES) / sizeof(USES[0]); i++) {
    snprintf(issue, sizeof(issue), "\"iss\":\"https://pool.example\",\"client_id\":\"client-1\",%s",
             USES[i]);
    expect_bad(check_issue(issue), "neither an access nor an id token");
  }
}

static void tokens_expire_after_the_leeway(void **state) {
  assert_int_equal(check_with("\"sub\":\"u\",\"exp\":1699999941").verdict, TOKEN_GOOD);
  assert_int_equal(check_with("\"sub\":\"u\",\"exp\":1699999941.5").verdict, TOKEN_GOOD);
  expect_bad(check_with("\"sub\":\"u\",\"exp\":1699999940"), "expired");
  assert_int_equal(check_with("\"sub\":\"u\",\"exp\":1699999940.5").verdict, TOKEN_GOOD);
  expect_bad(check_with("\"sub\":\"u\",\"exp\":1"), "expired");
  expect_bad(check_with("\"sub\":\"u\",\"exp\":-1"), "expired");
  expect_bad(check_with("\"sub\":\"u\",\"exp\":-1e300"), "expired");
  static const char *const NONE[] = {"\"x\":1", "\"exp\":null", "\"exp\":\"1700000100\"",
                                     "\"exp\":true", "\"exp\":[1700000100]"};
  for (size_t i = 0; i < sizeof(NONE) / sizeof(NONE[0]); i++) {
    char claims[128];
    snprintf(claims, sizeof(claims), "\"sub\":\"u\",%s", NONE[i]);
    expect_bad(check_with(claims), "no time of expiry");
  }
}

static void numbers_may_be_large(void **state) {
  static const char *const GOOD[] = {"\"exp\":9007199254740994",
                                     "\"exp\":9223372036854775807",
                                     "\"exp\":9223372036854775808",
                                     "\"exp\":100000000000000000000",
                                     "\"exp\":1e300",
                                     "\"exp\":1700000100,\"iat\":1e300",
                                     "\"exp\":1700000100,\"iat\":-1",
                                     "\"exp\":1700000100,\"nbf\":-1e300",
                                     "\"exp\":1700000100,\"z\":123456789012345678901234567890"};
  char claims[128];
  for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
    snprintf(claims, sizeof(claims), "\"sub\":\"u\",%s", GOOD[i]);
    struct token_answer checked = check_with(claims);
    assert_int_equal(checked.verdict, TOKEN_GOOD);
    assert_true(checked.claims.good_until_s > NOW + 100);
  }
  expect_bad(check_with("\"sub\":\"u\",\"exp\":1700000100,\"nbf\":1e300"), "not valid yet");
}

static void a_time_of_issue_is_a_number(void **state) {
  static const char *const BAD[] = {"\"1700000000\"", "null", "true", "[1700000000]", "{}"};
  char claims[128];
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    snprintf(claims, sizeof(claims), "\"sub\":\"u\",\"exp\":1700000100,\"iat\":%s", BAD[i]);
    expect_bad(check_with(claims), "a malformed time of issue");
  }
}

/* As long as the headers of a request may be. */
static void a_token_may_be_long(void **state) {
  char *filler = calloc(1, 11001);
  memset(filler, 'x', 11000);
  struct buffer claims = BUFFER_EMPTY;
  buffer_append_format(&claims, "\"sub\":\"u\",\"exp\":1700000100,\"z\":\"%s\"", filler);
  assert_int_equal(check_with(buffer_text(&claims)).verdict, TOKEN_GOOD);
  buffer_free(&claims);
  free(filler);
}

static void tokens_begin_before_the_leeway(void **state) {
  assert_int_equal(check_with("\"sub\":\"u\",\"exp\":1700000100,\"nbf\":1700000060").verdict,
                   TOKEN_GOOD);
  assert_int_equal(check_with("\"sub\":\"u\",\"exp\":1700000100,\"nbf\":0").verdict, TOKEN_GOOD);
  expect_bad(check_with("\"sub\":\"u\",\"exp\":1700000100,\"nbf\":1700000061"), "not valid yet");
  expect_bad(check_with("\"sub\":\"u\",\"exp\":1700000100,\"nbf\":\"0\""),
             "a malformed time of beginning");
  expect_bad(check_with("\"sub\":\"u\",\"exp\":1700000100,\"nbf\":null"),
             "a malformed time of beginning");
}

static void a_usable_sub_is_needed(void **state) {
  static const char *const BAD[] = {"\"x\":1",         "\"sub\":\"\"", "\"sub\":\" \\t\\u00a0\"",
                                    "\"sub\":[\"u\"]", "\"sub\":null", "\"sub\":7"};
  char claims[512];
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    snprintf(claims, sizeof(claims), "\"exp\":1700000100,%s", BAD[i]);
    expect_bad(check_with(claims), "no usable sub");
  }
  snprintf(claims, sizeof(claims), "\"exp\":1700000100,\"sub\":\"%0255d\"", 7);
  assert_int_equal(check_with(claims).claims.sub_length, TOKEN_SUB_LIMIT);
  snprintf(claims, sizeof(claims), "\"exp\":1700000100,\"sub\":\"%0256d\"", 7);
  expect_bad(check_with(claims), "no usable sub");
  assert_int_equal(check_with("\"exp\":1700000100,\"sub\":\"a\\u0000b\"").verdict, TOKEN_BAD);
}

static void the_placeholder_of_seeded_users_signs_nobody_in(void **state) {
  expect_bad(check_with("\"exp\":1700000100,\"sub\":\"MOCK\""), "the sub of seeded users");
  assert_int_equal(check_with("\"exp\":1700000100,\"sub\":\"MOCKINGBIRD\"").verdict, TOKEN_GOOD);
}

static const char GOOD_PAYLOAD[] =
    "{\"sub\":\"u\",\"exp\":1700000100,\"iss\":\"https://pool.example\",\"token_use\":\"access\","
    "\"client_id\":\"client-1\"}";

static void no_other_algorithm_is_accepted(void **state) {
  static const char *const ALGORITHMS[] = {"none",  "None",  "",      "HS256", "HS384", "HS512",
                                           "RS384", "RS512", "PS256", "ES256", "rs256", "RS256 "};
  for (size_t i = 0; i < sizeof(ALGORITHMS) / sizeof(ALGORITHMS[0]); i++) {
    char header[128];
    snprintf(header, sizeof(header), "{\"kid\":\"known\",\"alg\":\"%s\"}", ALGORITHMS[i]);
    expect_bad(check_signed(header, GOOD_PAYLOAD), "an algorithm other than RS256");
  }
  expect_bad(check_signed("{\"kid\":\"known\"}", GOOD_PAYLOAD), "an algorithm other than RS256");
  expect_bad(check_signed("{\"kid\":\"known\",\"alg\":[\"RS256\"]}", GOOD_PAYLOAD),
             "an algorithm other than RS256");
}

/* The classic attack: the public key, which everybody has, as the secret of an HMAC. */
static void the_public_key_is_no_secret(void **state) {
  struct buffer pem = BUFFER_EMPTY;
  signer_append_pem(known, &pem);
  struct buffer token = BUFFER_EMPTY;
  static const char HEADER[] = "{\"kid\":\"known\",\"alg\":\"HS256\"}";
  encoding_base64url_append(&token, HEADER, strlen(HEADER));
  buffer_append_char(&token, '.');
  encoding_base64url_append(&token, GOOD_PAYLOAD, strlen(GOOD_PAYLOAD));
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  HMAC(EVP_sha256(), pem.data, (int)pem.length, (unsigned char *)token.data, token.length, mac,
       &length);
  buffer_append_char(&token, '.');
  encoding_base64url_append(&token, mac, length);
  expect_bad(check(buffer_str(&token)), "an algorithm other than RS256");
  buffer_free(&token);
  buffer_free(&pem);
}

static void unsigned_tokens_are_refused(void **state) {
  struct buffer token = BUFFER_EMPTY;
  static const char HEADER[] = "{\"kid\":\"known\",\"alg\":\"none\"}";
  encoding_base64url_append(&token, HEADER, strlen(HEADER));
  buffer_append_char(&token, '.');
  encoding_base64url_append(&token, GOOD_PAYLOAD, strlen(GOOD_PAYLOAD));
  buffer_append_char(&token, '.');
  expect_bad(check(buffer_str(&token)), "not three parts");
  buffer_append_text(&token, "AA");
  expect_bad(check(buffer_str(&token)), "an algorithm other than RS256");
  buffer_free(&token);
}

static void the_digest_must_be_the_algorithms(void **state) {
  char *header = signer_header(known);
  static const char *const DIGESTS[] = {"SHA1", "SHA384", "SHA512"};
  for (size_t i = 0; i < sizeof(DIGESTS) / sizeof(DIGESTS[0]); i++) {
    char *token = signer_sign(known, DIGESTS[i], header, GOOD_PAYLOAD);
    expect_bad(check(str_from(token)), "a wrong signature");
    free(token);
  }
  free(header);
}

static void headers_are_read_strictly(void **state) {
  static const char *const MALFORMED[] = {"",
                                          "{}{}",
                                          "[]",
                                          "null",
                                          "\"RS256\"",
                                          "{\"alg\":\"RS256\",\"kid\":\"known\"",
                                          "{\"alg\":\"RS256\",\"alg\":\"none\",\"kid\":\"known\"}",
                                          "{\"alg\":\"RS256\",\"kid\":\"known\\u0000\"}",
                                          "{\"alg\":\"RS256\",\"kid\":\"known\xff\"}"};
  for (size_t i = 1; i < sizeof(MALFORMED) / sizeof(MALFORMED[0]); i++)
    expect_bad(check_signed(MALFORMED[i], GOOD_PAYLOAD), "a malformed header");
  expect_bad(check_signed("", GOOD_PAYLOAD), "not three parts");
  static const char *const KIDS[] = {"\"x\":1", "\"kid\":\"\"", "\"kid\":7", "\"kid\":null"};
  for (size_t i = 0; i < sizeof(KIDS) / sizeof(KIDS[0]); i++) {
    char header[128];
    snprintf(header, sizeof(header), "{\"alg\":\"RS256\",%s}", KIDS[i]);
    expect_bad(check_signed(header, GOOD_PAYLOAD), "no key id");
  }
  expect_bad(check_signed("{\"alg\":\"RS256\",\"kid\":\"known\",\"crit\":[\"exp\"]}", GOOD_PAYLOAD),
             "an extension that must be understood");
  assert_int_equal(
      check_signed("{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"known\"}", GOOD_PAYLOAD).verdict,
      TOKEN_GOOD);
}

static void payloads_are_read_strictly(void **state) {
  static const char *const MALFORMED[] = {
      "[]", "null", "{", "{\"sub\":\"u\",\"sub\":\"v\"}", "{\"sub\":\"\xc0\xaf\"}", "{} {}"};
  for (size_t i = 0; i < sizeof(MALFORMED) / sizeof(MALFORMED[0]); i++)
    assert_int_equal(check_signed(NULL, MALFORMED[i]).verdict, TOKEN_BAD);
  struct buffer deep = BUFFER_EMPTY;
  buffer_append_text(&deep, "{\"a\":");
  for (int i = 0; i < 5000; i++)
    buffer_append_char(&deep, '[');
  assert_int_equal(check_signed(NULL, buffer_text(&deep)).verdict, TOKEN_BAD);
  buffer_free(&deep);
}

static void an_unknown_key_is_told_apart(void **state) {
  char *token = signer_access_token(stranger, "u", NOW + 100);
  assert_int_equal(check(str_from(token)).verdict, TOKEN_WAIT);
  assert_int_equal(token_check(NULL, NULL, &OPTIONS, str_from(token), NOW).verdict, TOKEN_WAIT);
  free(token);
  /* What is bad with any key asks for no fetch. */
  token = signer_access_token(stranger, "u", NOW - 100);
  expect_bad(check(str_from(token)), "expired");
  free(token);
}

static void a_good_token_is_checked_once(void **state) {
  struct verified *cache = verified_new();
  char *token = signer_access_token(known, USER, NOW + 100);
  struct str text = str_from(token);
  assert_int_equal(token_check(keys, cache, &OPTIONS, text, NOW).verdict, TOKEN_GOOD);
  struct token_answer again = token_check(NULL, cache, &OPTIONS, text, NOW); /* without a key */
  assert_int_equal(again.verdict, TOKEN_GOOD);
  assert_null(again.reason);
  assert_str_equal(((struct str){again.claims.sub, again.claims.sub_length}), USER);
  assert_int_equal(token_check(keys, cache, &OPTIONS, text, NOW + 160).verdict, TOKEN_BAD);
  verified_clear(cache);
  assert_int_equal(token_check(NULL, cache, &OPTIONS, text, NOW).verdict, TOKEN_WAIT);
  free(token);
  verified_free(cache);
}

static void a_key_signs_under_its_own_id_only(void **state) {
  char *token =
      signer_sign(stranger, "SHA256", "{\"kid\":\"known\",\"alg\":\"RS256\"}", GOOD_PAYLOAD);
  expect_bad(check(str_from(token)), "a wrong signature");
  free(token);
}

/* One bit anywhere: in the header, the payload, the signature or the dots. */
static void every_flipped_bit_is_noticed(void **state) {
  char *token = signer_access_token(known, USER, NOW + 100);
  size_t length = strlen(token);
  for (size_t i = 0; i < length * 8; i += 3) {
    char flipped[1024];
    memcpy(flipped, token, length + 1);
    flipped[i / 8] = (char)(flipped[i / 8] ^ (1 << (i % 8)));
    assert_int_not_equal(check((struct str){flipped, length}).verdict, TOKEN_GOOD);
  }
  free(token);
}

static void every_truncation_is_noticed(void **state) {
  char *token = signer_access_token(known, USER, NOW + 100);
  size_t length = strlen(token);
  for (size_t i = 0; i < length; i++)
    assert_int_equal(check((struct str){token, i}).verdict, TOKEN_BAD);
  for (size_t i = 1; i < length; i++)
    assert_int_equal(check((struct str){token + i, length - i}).verdict, TOKEN_BAD);
  free(token);
}

static void the_form_is_three_parts_of_base64url(void **state) {
  char *token = signer_access_token(known, USER, NOW + 100);
  static const char *const TAILS[] = {".", ".AAAA", "=", "==", " ", "\n", "A", "+", "/", "\xff"};
  for (size_t i = 0; i < sizeof(TAILS) / sizeof(TAILS[0]); i++) {
    struct buffer tailed = BUFFER_EMPTY;
    buffer_append_text(&tailed, token);
    buffer_append_text(&tailed, TAILS[i]);
    assert_int_equal(check(buffer_str(&tailed)).verdict, TOKEN_BAD);
    buffer_free(&tailed);
  }
  static const char *const FORMS[] = {"", ".", "..", "...", "a.b", "a.b.c", ".b.c", "a..c", "a.b."};
  for (size_t i = 0; i < sizeof(FORMS) / sizeof(FORMS[0]); i++)
    assert_int_equal(check(str_from(FORMS[i])).verdict, TOKEN_BAD);
  assert_int_equal(check((struct str){0}).verdict, TOKEN_BAD);
  free(token);
}

/* A payload padded so that the whole token has (about) `size` bytes. */
static enum token_verdict check_size(size_t size, size_t *ret_size) {
  struct buffer payload = BUFFER_EMPTY;
  buffer_append(&payload, GOOD_PAYLOAD, strlen(GOOD_PAYLOAD) - 1);
  buffer_append_text(&payload, ",\"padding\":\"");
  while (payload.length * 4 / 3 + 390 < size)
    buffer_append_char(&payload, 'x');
  buffer_append_text(&payload, "\"}");
  char *header = signer_header(known);
  char *token = signer_sign(known, "SHA256", header, buffer_text(&payload));
  *ret_size = strlen(token);
  enum token_verdict verdict = check(str_from(token)).verdict;
  free(token);
  free(header);
  buffer_free(&payload);
  return verdict;
}

static void the_size_is_bounded(void **state) {
  size_t size;
  assert_int_equal(check_size(TOKEN_SIZE_LIMIT - 50, &size), TOKEN_GOOD);
  assert_in_range(size, TOKEN_SIZE_LIMIT - 100, TOKEN_SIZE_LIMIT);
  assert_int_equal(check_size(TOKEN_SIZE_LIMIT + 50, &size), TOKEN_BAD);
  assert_in_range(size, TOKEN_SIZE_LIMIT + 1, TOKEN_SIZE_LIMIT + 100);
}

static void the_header_holds_exactly_one_bearer_token(void **state) {
  static const char *const GOOD[] = {"Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c ",
                                     " \tbEaReR a.b.c\t"};
  static const char *const BAD[] = {
      "",          "Bearer",      "Bearer ",           "Bearer  \t",
      "a.b.c",     "Basic a.b.c", "Bearera.b.c",       "Bearer a.b.c d",
      "Bearer a,", "Bearer a\tb", "Bearer a, Basic b", "Beare a.b.c"};
  struct str token;
  for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
    assert_true(token_from_header(str_from(GOOD[i]), &token));
    assert_str_equal(token, "a.b.c");
  }
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
    assert_false(token_from_header(str_from(BAD[i]), &token));
  assert_false(token_from_header((struct str){0}, &token));
}

static int prepare(void **state) {
  known = signer_new(2048, "known");
  stranger = signer_new(2048, "stranger");
  char *document = signers_document(known, NULL);
  struct error error;
  keys = jwks_parse(str_from(document), &error);
  free(document);
  return keys ? 0 : -1;
}

static int clean_up(void **state) {
  jwks_unref(keys);
  signer_free(known);
  signer_free(stranger);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_good_access_token_names_its_user),
      cmocka_unit_test(every_configured_client_is_accepted),
      cmocka_unit_test(other_clients_are_not),
      cmocka_unit_test(other_issuers_and_uses_are_refused),
      cmocka_unit_test(tokens_expire_after_the_leeway),
      cmocka_unit_test(numbers_may_be_large),
      cmocka_unit_test(a_time_of_issue_is_a_number),
      cmocka_unit_test(a_token_may_be_long),
      cmocka_unit_test(tokens_begin_before_the_leeway),
      cmocka_unit_test(a_usable_sub_is_needed),
      cmocka_unit_test(the_placeholder_of_seeded_users_signs_nobody_in),
      cmocka_unit_test(no_other_algorithm_is_accepted),
      cmocka_unit_test(the_public_key_is_no_secret),
      cmocka_unit_test(unsigned_tokens_are_refused),
      cmocka_unit_test(the_digest_must_be_the_algorithms),
      cmocka_unit_test(headers_are_read_strictly),
      cmocka_unit_test(payloads_are_read_strictly),
      cmocka_unit_test(an_unknown_key_is_told_apart),
      cmocka_unit_test(a_good_token_is_checked_once),
      cmocka_unit_test(a_key_signs_under_its_own_id_only),
      cmocka_unit_test(every_flipped_bit_is_noticed),
      cmocka_unit_test(every_truncation_is_noticed),
      cmocka_unit_test(the_form_is_three_parts_of_base64url),
      cmocka_unit_test(the_size_is_bounded),
      cmocka_unit_test(the_header_holds_exactly_one_bearer_token),
  };
  return cmocka_run_group_tests(tests, prepare, clean_up);
}
