/* test_buffer.c: the growable buffer. */
#include "unit.h"

#include <malloc.h>
#include <stdlib.h>

/* What goes back to the heap, watched by the linker's --wrap. */
static const char SECRET[] = "correct horse battery staple";
static bool watching;
static unsigned leaks;

void __real_free(void *memory);
void __wrap_free(void *memory);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static void watch(void *memory) {
  if (watching && memory && memmem(memory, malloc_usable_size(memory), SECRET, strlen(SECRET)))
    leaks++;
}

void __wrap_free(void *memory) {
  watch(memory);
  __real_free(memory);
}

void *__wrap_realloc(void *memory, size_t size) {
  watch(memory);
  return __real_realloc(memory, size);
}

static void grows_and_keeps_what_it_holds(void **state) {
  struct buffer buffer = BUFFER_EMPTY;
  for (int i = 0; i < 5000; i++)
    buffer_append_char(&buffer, (char)('a' + i % 26));
  assert_false(buffer.failed);
  assert_int_equal(buffer.length, 5000);
  for (int i = 0; i < 5000; i++)
    assert_int_equal(buffer.data[i], 'a' + i % 26);
  buffer_free(&buffer);
}

static void appends_each_kind_of_text(void **state) {
  struct buffer buffer = BUFFER_EMPTY;
  buffer_append(&buffer, "bytes", 5);
  buffer_append_char(&buffer, ' ');
  buffer_append_str(&buffer, STR("slice"));
  buffer_append_text(&buffer, " text ");
  buffer_append_format(&buffer, "%d%%", 42);
  assert_string_equal(buffer_text(&buffer), "bytes slice text 42%");
  assert_int_equal(buffer.length, strlen("bytes slice text 42%"));
  buffer_free(&buffer);
}

static void appends_nothing(void **state) {
  struct buffer buffer = BUFFER_EMPTY;
  buffer_append(&buffer, NULL, 0);
  buffer_append_str(&buffer, (struct str){NULL, 0});
  buffer_append_text(&buffer, "");
  buffer_append_format(&buffer, "%s", "");
  assert_int_equal(buffer.length, 0);
  assert_false(buffer.failed);
  assert_string_equal(buffer_text(&buffer), "");
  buffer_free(&buffer);
}

static void a_long_format_fits_whole(void **state) {
  struct buffer buffer = BUFFER_EMPTY;
  buffer_append_format(&buffer, "%0*d", 3000, 7);
  assert_int_equal(buffer.length, 3000);
  assert_int_equal(buffer.data[0], '0');
  assert_int_equal(buffer.data[2999], '7');
  buffer_free(&buffer);
}

static void an_impossible_size_fails_and_stays_failed(void **state) {
  struct buffer buffer = BUFFER_EMPTY;
  buffer_append_text(&buffer, "kept");
  assert_false(buffer_reserve(&buffer, SIZE_MAX));
  assert_true(buffer.failed);
  assert_false(buffer_reserve_slow(&buffer, 1));
  assert_string_equal(buffer_text(&buffer), "");
  assert_null(buffer_take(&buffer));
  assert_false(buffer.failed);
  assert_int_equal(buffer.capacity, 0);
  buffer_free(&buffer);
}

static void take_hands_the_text_over(void **state) {
  struct buffer buffer = BUFFER_EMPTY;
  buffer_append_text(&buffer, "mine now");
  char *text = buffer_take(&buffer);
  assert_string_equal(text, "mine now");
  assert_null(buffer.data);
  assert_int_equal(buffer.length, 0);
  free(text);
}

static void take_of_an_empty_buffer_is_an_empty_text(void **state) {
  struct buffer buffer = BUFFER_EMPTY;
  char *text = buffer_take(&buffer);
  assert_string_equal(text, "");
  free(text);
}

static void a_secret_is_wiped(void **state) {
  for (int secret = 0; secret <= 1; secret++) {
    struct buffer buffer = {.secret = secret};
    leaks = 0;
    watching = true;
    buffer_append_text(&buffer, SECRET);
    for (int i = 0; i < 900; i++)
      buffer_append_char(&buffer, 'x');
    bool kept = memcmp(buffer.data, SECRET, strlen(SECRET)) == 0;
    buffer_free(&buffer);
    watching = false;
    assert_true(kept);
    assert_int_equal(leaks, secret ? 0 : 3); /* it grew twice, and was freed */
  }
}

static void free_leaves_it_usable(void **state) {
  struct buffer buffer = BUFFER_EMPTY;
  buffer_append_text(&buffer, "first");
  buffer_free(&buffer);
  buffer_free(&buffer);
  buffer_append_text(&buffer, "second");
  assert_buffer_equal(&buffer, "second");
  buffer_free(&buffer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(grows_and_keeps_what_it_holds),
      cmocka_unit_test(appends_each_kind_of_text),
      cmocka_unit_test(appends_nothing),
      cmocka_unit_test(a_long_format_fits_whole),
      cmocka_unit_test(an_impossible_size_fails_and_stays_failed),
      cmocka_unit_test(take_hands_the_text_over),
      cmocka_unit_test(take_of_an_empty_buffer_is_an_empty_text),
      cmocka_unit_test(a_secret_is_wiped),
      cmocka_unit_test(free_leaves_it_usable),
  };
  return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
