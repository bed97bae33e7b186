/* test_proxies.c: which word of X-Forwarded-For counts. */
#include "unit.h"

#include "lib/http/proxies.h"

static struct proxies ours(void) {
  struct proxies proxies;
  struct error error;
  assert_true(proxies_parse(STR("10.0.0.0/8, fd00::/8,192.0.2.1"), &proxies, &error));
  assert_int_equal(proxies.count, 3);
  return proxies;
}

/* True when `line` names `client`, written as an address. */
static bool names(const char *line, const char *client) {
  struct proxies proxies = ours();
  struct address found, wanted;
  assert_true(address_parse(str_from(client), &wanted));
  return proxies_judge(&proxies, str_from(line), &found) == FORWARDED_CLIENT &&
         memcmp(&found, &wanted, sizeof(found)) == 0;
}

static enum forwarded judge(struct str line) {
  struct proxies proxies = ours();
  struct address found;
  return proxies_judge(&proxies, line, &found);
}

static void the_right_most_that_is_no_proxy(void **state) {
  assert_true(names("203.0.113.7", "203.0.113.7"));
  assert_true(names("198.51.100.1, 203.0.113.7", "203.0.113.7"));
  assert_true(names("198.51.100.1,203.0.113.7 , 10.1.2.3,\tfd00::1", "203.0.113.7"));
  assert_true(names("203.0.113.7:4711, 192.0.2.1:80", "203.0.113.7"));
  assert_true(names("[2001:db8::7]:4711", "2001:db8::7"));
  assert_true(names("nonsense, 203.0.113.7", "203.0.113.7"));
  assert_true(names(", ,203.0.113.7,,", "203.0.113.7"));
}

static void proxies_alone_name_nobody(void **state) {
  assert_int_equal(judge(STR("")), FORWARDED_NOTHING);
  assert_int_equal(judge(STR(" , ,")), FORWARDED_NOTHING);
  assert_int_equal(judge(STR("10.0.0.1, fd00::1")), FORWARDED_NOTHING);
}

static void garbage_on_the_right_is_garbage(void **state) {
  assert_int_equal(judge(STR("203.0.113.7, unknown")), FORWARDED_GARBAGE);
  assert_int_equal(judge(STR("203.0.113.7, unknown, 10.0.0.1")), FORWARDED_GARBAGE);
  assert_int_equal(judge(STR("203.0.113.7 10.0.0.1")), FORWARDED_GARBAGE);
  assert_int_equal(judge(STR("203.0.113.7;10.0.0.1")), FORWARDED_GARBAGE);
}

static void nobody_is_trusted_unless_named(void **state) {
  struct proxies nobody = {.count = 0};
  struct address address;
  assert_true(address_parse(STR("10.0.0.1"), &address));
  assert_false(proxies_trust(&nobody, &address));
  struct proxies proxies = ours();
  assert_true(proxies_trust(&proxies, &address));
}

static void bad_lists_are_refused(void **state) {
  static const char *const BAD[] = {"10.0.0.0/8,,fd00::/8", ",10.0.0.0/8", "10.0.0.0/8 fd00::/8",
                                    "lan"};
  struct proxies proxies;
  struct error error;
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
    assert_false(proxies_parse(str_from(BAD[i]), &proxies, &error));
  assert_false(proxies_parse(STR("10.0.0.0/8,10.0.0.1/8"), &proxies, &error));
  assert_non_null(strstr(error.message, "'10.0.0.1/8'"));
}

static void the_list_is_bounded(void **state) {
  struct buffer list = BUFFER_EMPTY;
  struct proxies proxies;
  struct error error;
  for (int i = 0; i < PROXIES_LIMIT; i++)
    buffer_append_format(&list, "%s10.%d.0.0/16", i ? "," : "", i);
  assert_true(proxies_parse(buffer_str(&list), &proxies, &error));
  buffer_append_text(&list, ",192.0.2.0/24");
  assert_false(proxies_parse(buffer_str(&list), &proxies, &error));
  assert_non_null(strstr(error.message, "64"));
  buffer_free(&list);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_right_most_that_is_no_proxy),
      cmocka_unit_test(proxies_alone_name_nobody),
      cmocka_unit_test(garbage_on_the_right_is_garbage),
      cmocka_unit_test(nobody_is_trusted_unless_named),
      cmocka_unit_test(bad_lists_are_refused),
      cmocka_unit_test(the_list_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
