/* test_migrate_diff.c: the difference between two texts, line by line. */
#include "unit.h"

#include "lib/migrate/diff.h"

static void assert_diff(const char *old_text, const char *new_text, const char *expected) {
  struct buffer out = BUFFER_EMPTY;
  diff_append(&out, str_from(old_text), str_from(new_text));
  assert_buffer_equal(&out, expected);
  buffer_free(&out);
}

static void lines_that_differ_are_marked(void **state) {
  assert_diff("a\nb\nc\n", "a\nx\nc\n", " a\n-b\n+x\n c\n");
  assert_diff("a\n", "a\nb\n", " a\n+b\n");
  assert_diff("a\nb\n", "b\n", "-a\n b\n");
  assert_diff("", "a", "+a\n");
  assert_diff("a", "", "-a\n");
  assert_diff("a\nb\nc\nd\n", "b\nx\nd\ny\n", "-a\n b\n-c\n+x\n d\n+y\n");
}

static void context_is_three_lines(void **state) {
  assert_diff("1\n2\n3\n4\n5\nold\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\nnew\n6\n7\n8\n9\n",
              " 3\n 4\n 5\n-old\n+new\n 6\n 7\n 8\n");
}

static void texts_too_large_are_listed(void **state) {
  struct buffer old_text = BUFFER_EMPTY, out = BUFFER_EMPTY;
  for (int i = 0; i < 5000; i++)
    buffer_append_format(&old_text, "line %d\n", i);
  diff_append(&out, buffer_str(&old_text), STR("new\n"));
  buffer_append_char(&out, '\0');
  assert_int_equal(strncmp(out.data, "-line 0\n", 8), 0);
  assert_non_null(strstr(out.data, "-line 4999\n+new\n"));
  buffer_free(&old_text);
  buffer_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_that_differ_are_marked),
      cmocka_unit_test(context_is_three_lines),
      cmocka_unit_test(texts_too_large_are_listed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
