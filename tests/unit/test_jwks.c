/* test_jwks.c: the pool's key set, good and bad. */
#include "tokens.h"
#include "unit.h"

#include "lib/auth/jwks.h"

#include <stdio.h>
#include <stdlib.h>

static struct signer *one, *two, *weak;

static struct jwks *parse(const char *document, struct error *error) {
  *error = (struct error){0};
  return jwks_parse(str_from(document), error);
}

static void expect_refused(const char *document, const char *part) {
  struct error error;
  assert_null(parse(document, &error));
  assert_int_equal(error.kind, ERROR_INVALID);
  if (!strstr(error.message, part)) fail_msg("'%s' in '%s'", part, error.message);
}

/* A document whose only key has `extra` members, which come first, so that they win or clash. */
static char *document_with(const struct signer *signer, const char *extra) {
  struct buffer document = BUFFER_EMPTY;
  buffer_append_text(&document, "{\"keys\":[");
  signer_append_key(signer, extra, &document);
  buffer_append_text(&document, "]}");
  return buffer_take(&document);
}

static void keys_are_found_by_their_id(void **state) {
  struct error error;
  char *document = signers_document(one, two);
  struct jwks *set = parse(document, &error);
  assert_non_null(set);
  assert_int_equal(jwks_count(set), 2);
  const EVP_PKEY *first = jwks_find(set, STR("one")), *second = jwks_find(set, STR("two"));
  assert_true(signer_has_key(one, first));
  assert_true(signer_has_key(two, second));
  assert_false(signer_has_key(one, second));
  assert_null(jwks_find(set, STR("on")));
  assert_null(jwks_find(set, STR("one\0")));
  assert_null(jwks_find(set, STR("")));
  jwks_unref(set);
  free(document);
}

static void use_and_alg_may_be_absent(void **state) {
  static const char *const EXTRAS[] = {"", "\"use\":\"sig\",", "\"alg\":\"RS256\",",
                                       "\"x5c\":[\"?\"],\"key_ops\":[\"verify\"],"};
  for (size_t i = 0; i < sizeof(EXTRAS) / sizeof(EXTRAS[0]); i++) {
    struct error error;
    char *document = document_with(one, EXTRAS[i]);
    struct jwks *set = parse(document, &error);
    assert_non_null(set);
    assert_int_equal(jwks_count(set), 1);
    jwks_unref(set);
    free(document);
  }
}

static void keys_for_other_ends_do_not_count(void **state) {
  static const char *const EXTRAS[] = {"\"use\":\"enc\",",   "\"use\":7,",    "\"alg\":\"RS384\",",
                                       "\"alg\":\"HS256\",", "\"alg\":null,", "\"alg\":\"none\","};
  for (size_t i = 0; i < sizeof(EXTRAS) / sizeof(EXTRAS[0]); i++) {
    char *document = document_with(one, EXTRAS[i]);
    expect_refused(document, "no RSA key");
    free(document);
  }
}

static void unusable_keys_are_passed_over(void **state) {
  static const char *const OTHERS =
      "{\"kty\":\"EC\",\"kid\":\"ec\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"},"
      "{\"kty\":\"oct\",\"kid\":\"oct\",\"k\":\"AAAA\"},"
      "{\"kty\":\"RSA\",\"kid\":\"a\"},"
      "{\"kty\":\"RSA\",\"kid\":\"b\",\"n\":\"\",\"e\":\"AQAB\"},"
      "{\"kty\":\"RSA\",\"kid\":\"c\",\"n\":\"*\",\"e\":\"AQAB\"},"
      "{\"kty\":\"RSA\",\"kid\":\"d\",\"n\":5,\"e\":[]},"
      "7,null,\"text\",[],{},";
  struct buffer document = BUFFER_EMPTY;
  struct error error;
  buffer_append_format(&document, "{\"keys\":[%s", OTHERS);
  signer_append_key(one, "", &document);
  buffer_append_text(&document, "]}");
  struct jwks *set = parse(buffer_text(&document), &error);
  assert_non_null(set);
  assert_int_equal(jwks_count(set), 1);
  assert_non_null(jwks_find(set, STR("one")));
  jwks_unref(set);
  buffer_free(&document);
}

/* The number in `name` of the only key becomes `value`. */
static void expect_number_refused(const char *name, const char *value) {
  char *document = document_with(one, "");
  char member[8];
  snprintf(member, sizeof(member), "\"%s\":\"", name);
  char *begin = strstr(document, member) + strlen(member);
  char *end = strchr(begin, '"');
  struct buffer changed = BUFFER_EMPTY;
  buffer_append(&changed, document, (size_t)(begin - document));
  buffer_append_text(&changed, value);
  buffer_append_text(&changed, end);
  expect_refused(buffer_text(&changed), "no RSA key");
  buffer_free(&changed);
  free(document);
}

static void absurd_numbers_are_refused(void **state) {
  static const char *const EXPONENTS[] = {
      "", "AA", "AQ", "Ag", "AAAB", "gA", "__________________8"};
  for (size_t i = 0; i < sizeof(EXPONENTS) / sizeof(EXPONENTS[0]); i++)
    expect_number_refused("e", EXPONENTS[i]);
  char even[343] = {0}; /* 2056 bits, the lowest of which is 0 */
  memset(even, '_', 340);
  strcpy(even + 340, "_g");
  expect_number_refused("n", even);
}

static void the_modulus_has_bounds(void **state) {
  char *document = document_with(weak, "");
  expect_refused(document, "at least 2048 bits");
  free(document);
  /* An odd number of 8200 bits: to make a pair of keys with such a modulus takes half a minute. */
  char heavy[1368] = {0};
  memset(heavy, '_', 1366);
  heavy[1366] = '8';
  expect_number_refused("n", heavy);
}

static void ids_are_needed_bounded_and_distinct(void **state) {
  char id[JWKS_KID_LIMIT + 2] = {0};
  memset(id, 'k', JWKS_KID_LIMIT + 1);
  struct signer *named = signer_new(2048, id);
  char *document = document_with(named, "");
  expect_refused(document, "no RSA key");
  free(document);
  id[JWKS_KID_LIMIT] = '\0';
  document = document_with(named, "");
  struct error error;
  struct jwks *set = parse(document, &error);
  assert_non_null(jwks_find(set, str_from(id)));
  jwks_unref(set);
  free(document);
  id[0] = '\0';
  document = document_with(named, "");
  expect_refused(document, "no RSA key");
  free(document);
  strcpy(id, "one");
  document = signers_document(one, named);
  expect_refused(document, "two keys alike");
  free(document);
  signer_free(named);
}

static void what_is_no_key_set_is_refused(void **state) {
  static const char *const DOCUMENTS[] = {
      "",          " ",
      "null",      "[]",
      "{}",        "{\"keys\":{}}",
      "{\"keys\"", "{\"keys\":[]} {}",
      "<html>",    "{\"keys\":[],\"keys\":[]}",
      "7",         "{\"keys\":\"\xff\"}",
  };
  for (size_t i = 0; i < sizeof(DOCUMENTS) / sizeof(DOCUMENTS[0]); i++)
    expect_refused(DOCUMENTS[i], "not a JSON object with an array");
  expect_refused("{\"keys\":[]}", "no RSA key");
  expect_refused("{\"keys\":[{\"kty\":\"RSA\",\"kty\":\"RSA\"}]}", "not a JSON object");
  struct error error = {0};
  assert_null(jwks_parse((struct str){0}, &error));
}

static void counts_sizes_and_depths_are_bounded(void **state) {
  struct buffer document = BUFFER_EMPTY;
  buffer_append_text(&document, "{\"keys\":[{}");
  for (int i = 0; i < JWKS_KEYS_LIMIT; i++)
    buffer_append_text(&document, ",{}");
  buffer_append_text(&document, "]}");
  expect_refused(buffer_text(&document), "more than 16 keys");
  buffer_free(&document);

  char *good = signers_document(one, NULL);
  buffer_append_text(&document, good);
  while (document.length <= JWKS_SIZE_LIMIT)
    buffer_append_char(&document, ' ');
  expect_refused(buffer_text(&document), "longer than 65536 bytes");
  buffer_free(&document);
  free(good);

  buffer_append_text(&document, "{\"keys\":");
  for (int i = 0; i < 60000; i++)
    buffer_append_char(&document, '[');
  expect_refused(buffer_text(&document), "not a JSON object");
  buffer_free(&document);
}

static void sets_compare_by_their_keys(void **state) {
  struct error error;
  char *texts[] = {signers_document(one, two), document_with(one, ""),
                   document_with(one, "\"a\":1,"), document_with(two, "")};
  struct jwks *sets[4];
  for (int i = 0; i < 4; i++)
    assert_non_null(sets[i] = parse(texts[i], &error));
  assert_false(jwks_equal(sets[0], sets[1]));
  assert_true(jwks_equal(sets[1], sets[2]));
  assert_false(jwks_equal(sets[2], sets[3]));
  for (int i = 0; i < 4; i++) {
    jwks_unref(sets[i]);
    free(texts[i]);
  }
}

static void references_are_counted(void **state) {
  struct error error;
  char *document = signers_document(one, NULL);
  struct jwks *set = parse(document, &error);
  assert_ptr_equal(jwks_ref(set), set);
  assert_null(jwks_unref(set));
  assert_int_equal(jwks_count(set), 1);
  assert_null(jwks_unref(set));
  assert_null(jwks_unref(NULL));
  free(document);
}

static int make_signers(void **state) {
  one = signer_new(2048, "one");
  two = signer_new(2048, "two");
  weak = signer_new(2040, "weak");
  return 0;
}

static int free_signers(void **state) {
  signer_free(one);
  signer_free(two);
  signer_free(weak);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys_are_found_by_their_id),
      cmocka_unit_test(use_and_alg_may_be_absent),
      cmocka_unit_test(keys_for_other_ends_do_not_count),
      cmocka_unit_test(the_modulus_has_bounds),
      cmocka_unit_test(unusable_keys_are_passed_over),
      cmocka_unit_test(absurd_numbers_are_refused),
      cmocka_unit_test(ids_are_needed_bounded_and_distinct),
      cmocka_unit_test(what_is_no_key_set_is_refused),
      cmocka_unit_test(counts_sizes_and_depths_are_bounded),
      cmocka_unit_test(sets_compare_by_their_keys),
      cmocka_unit_test(references_are_counted),
  };
  return cmocka_run_group_tests(tests, make_signers, free_signers);
}
