/* test_verified.c: the tokens that were verified before. */
#include "unit.h"

#include "lib/auth/verified.h"

#include <stdio.h>

enum { NOW = 1700000000 };

static struct verified_hash hash_of(struct verified *verified, const char *token) {
  struct verified_hash hash;
  assert_true(verified_hash(verified, str_from(token), &hash));
  return hash;
}

static struct token_claims claims_of(const char *sub, int64_t good_until_s) {
  struct token_claims claims = {.sub_length = strlen(sub), .good_until_s = good_until_s};
  memcpy(claims.sub, sub, strlen(sub));
  return claims;
}

static void remember(struct verified *verified, const char *token, const char *sub,
                     int64_t good_until_s) {
  struct verified_hash hash = hash_of(verified, token);
  struct token_claims claims = claims_of(sub, good_until_s);
  verified_remember(verified, &hash, &claims, NOW);
}

/* Empty when it is not there; lives until the next call. */
static struct str find(struct verified *verified, const char *token, int64_t now_s) {
  static struct token_claims claims;
  struct verified_hash hash = hash_of(verified, token);
  bool found = verified_find(verified, &hash, now_s, &claims);
  return found ? (struct str){claims.sub, claims.sub_length} : STR("");
}

static void the_hash_is_sha256(void **state) {
  static const unsigned char ABC[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                      0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                      0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
                                      0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
  struct verified *verified = verified_new();
  for (int i = 0; i < 2; i++) {
    struct verified_hash hash = hash_of(verified, "abc");
    assert_memory_equal(hash.bytes, ABC, sizeof(ABC));
  }
  verified_free(verified);
}

static void a_token_is_remembered_until_it_expires(void **state) {
  struct verified *verified = verified_new();
  assert_int_equal(find(verified, "a", NOW).length, 0);
  remember(verified, "a", "user a", NOW + 10);
  remember(verified, "b", "user b", NOW + 20);
  assert_str_equal(find(verified, "a", NOW), "user a");
  assert_str_equal(find(verified, "b", NOW + 9), "user b");
  assert_str_equal(find(verified, "a", NOW + 9), "user a");
  assert_int_equal(find(verified, "a", NOW + 10).length, 0);
  assert_str_equal(find(verified, "b", NOW + 10), "user b");
  assert_int_equal(find(verified, "c", NOW).length, 0);
  verified_free(verified);
}

static void long_subs_are_kept_whole(void **state) {
  struct verified *verified = verified_new();
  char sub[TOKEN_SUB_LIMIT + 1] = {0};
  memset(sub, 's', TOKEN_SUB_LIMIT);
  remember(verified, "a", sub, NOW + 10);
  assert_str_equal(find(verified, "a", NOW), sub);
  verified_free(verified);
}

static void clearing_forgets_everything(void **state) {
  struct verified *verified = verified_new();
  remember(verified, "a", "user a", NOW + 10);
  verified_clear(verified);
  assert_int_equal(find(verified, "a", NOW).length, 0);
  remember(verified, "a", "user b", NOW + 10);
  assert_str_equal(find(verified, "a", NOW), "user b");
  verified_free(verified);
}

static size_t count_found(struct verified *verified, int from, int to) {
  size_t found = 0;
  for (int i = from; i < to; i++) {
    char token[32];
    snprintf(token, sizeof(token), "token %d", i);
    struct str sub = find(verified, token, NOW);
    if (sub.length == 0) continue;
    assert_str_equal(sub, token); /* never another's */
    found++;
  }
  return found;
}

static void remember_many(struct verified *verified, int from, int to) {
  for (int i = from; i < to; i++) {
    char token[32];
    snprintf(token, sizeof(token), "token %d", i);
    remember(verified, token, token, NOW + 10);
  }
}

static void the_number_is_bounded(void **state) {
  struct verified *verified = verified_new();
  remember_many(verified, 0, 4 * VERIFIED_LIMIT);
  assert_in_range(count_found(verified, 0, 4 * VERIFIED_LIMIT), VERIFIED_LIMIT * 9 / 10,
                  VERIFIED_LIMIT);
  verified_free(verified);
}

static void what_is_used_stays_longest(void **state) {
  struct verified *verified = verified_new();
  remember(verified, "often", "often", NOW + 10);
  for (int i = 0; i < 4 * VERIFIED_LIMIT; i++) {
    remember_many(verified, i, i + 1);
    assert_str_equal(find(verified, "often", NOW), "often");
  }
  verified_free(verified);
}

static void what_expired_makes_room_first(void **state) {
  struct verified *verified = verified_new();
  remember_many(verified, 0, VERIFIED_LIMIT / 2);
  size_t kept = count_found(verified, 0, VERIFIED_LIMIT / 2);
  for (int i = 0; i < 10 * VERIFIED_LIMIT; i++) {
    char token[32];
    snprintf(token, sizeof(token), "expired %d", i % 10000);
    remember(verified, token, token, NOW); /* does not count from the beginning */
  }
  assert_in_range(count_found(verified, 0, VERIFIED_LIMIT / 2), kept * 9 / 10, kept);
  verified_free(verified);
}

static void freeing_nothing_is_fine(void **state) {
  assert_null(verified_free(NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_hash_is_sha256),
      cmocka_unit_test(a_token_is_remembered_until_it_expires),
      cmocka_unit_test(long_subs_are_kept_whole),
      cmocka_unit_test(clearing_forgets_everything),
      cmocka_unit_test(the_number_is_bounded),
      cmocka_unit_test(what_is_used_stays_longest),
      cmocka_unit_test(what_expired_makes_room_first),
      cmocka_unit_test(freeing_nothing_is_fine),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
