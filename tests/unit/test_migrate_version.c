/* test_migrate_version.c: versions are times: their digits compare as seconds and a fraction. */
#include "unit.h"

#include "lib/migrate/file/version.h"

static struct version version_of(const char *digits) {
  struct version version;
  assert_true(version_parse(str_from(digits), &version));
  return version;
}

static int sign(int number) {
  return (number > 0) - (number < 0);
}

static void assert_order(const char *a, const char *b, int expected) {
  struct version x = version_of(a), y = version_of(b);
  assert_int_equal(sign(version_compare(&x, &y)), expected);
  assert_int_equal(sign(version_compare(&y, &x)), -expected);
}

static void digits_compare_as_times(void **state) {
  assert_order("168865974536313", "1682939383240204", 1); /* fewer digits, but later */
  assert_order("16812294605993273", "16844665640237772", -1);
  assert_order("1682939383240204", "16829393832402040", 0);
  assert_order("1682939383", "16829393830", 0);
  assert_order("16829393831", "1682939383", 1);
  assert_order("9", "10", -1); /* below ten digits: whole seconds */
  assert_order("0", "16812294605993273", -1);
  assert_order("0", "000", 0);
}

static void only_digits_are_a_version(void **state) {
  struct version version;
  static const char *const BAD[] = {"", " 1", "1 ", "-1", "1.5", "0x1", "123456789012345678901"};
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
    assert_false(version_parse(str_from(BAD[i]), &version));
  assert_true(version_parse(STR("12345678901234567890"), &version));
  assert_string_equal(version.text, "12345678901234567890");
}

static void a_new_version_is_now_or_just_after_the_newest(void **state) {
  struct error error;
  struct version next, newest = version_of("16888083837917128");
  assert_true(version_next(NULL, 1700000000123456, &next, &error));
  assert_string_equal(next.text, "17000000001234560");
  assert_true(version_next(&newest, 1700000000123456, &next, &error));
  assert_string_equal(next.text, "17000000001234560");
  newest = version_of("20000000001");
  assert_true(version_next(&newest, 1700000000123456, &next, &error));
  assert_string_equal(next.text, "20000000001000001");
  newest = version_of("20000000001234567999"); /* digits behind the 17th do not get lost */
  assert_true(version_next(&newest, 1700000000123456, &next, &error));
  assert_true(version_compare(&next, &newest) > 0);
  newest = version_of("99999999999999999");
  assert_false(version_next(&newest, 1700000000123456, &next, &error));
}

static void a_mark_is_a_time_with_or_without_its_point(void **state) {
  struct version mark, other = version_of("17171717171234567");
  assert_true(version_parse_mark(STR("1717171717.1234567"), &mark));
  assert_int_equal(version_compare(&mark, &other), 0);
  assert_string_equal(mark.text, "1717171717.1234567");
  assert_true(version_parse_mark(STR(" 17171717171234567\t"), &mark));
  assert_string_equal(mark.text, other.text);
  assert_true(version_parse_mark(STR("7.5"), &mark));
  assert_string_equal(mark.key, "00000000075000000000");
  static const char *const BAD[] = {
      "",   " ",  "0",     "0.0",       "000",           ".",
      ".5", "-1", "1.2.3", "yesterday", "12345678901.5", "123456789012345678901",
      "1 2"};
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
    assert_false(version_parse_mark(str_from(BAD[i]), &mark));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(digits_compare_as_times),
      cmocka_unit_test(only_digits_are_a_version),
      cmocka_unit_test(a_mark_is_a_time_with_or_without_its_point),
      cmocka_unit_test(a_new_version_is_now_or_just_after_the_newest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
