/* test_exposition.c: histograms, tallies, and both as text for Prometheus. */
#include "unit.h"

#include "lib/base/exposition.h"

#include <stdio.h>

static const struct histogram_scale SCALE = {.count = 2, .bounds = {1000, 2500000}, .unit = 1e6};

static void a_histogram_is_written_in_its_unit(void **state) {
  struct histogram histogram = {0}, sum = {0};
  struct buffer text = BUFFER_EMPTY;
  histogram_record(&histogram, &SCALE, 1000); /* bounds are included */
  histogram_record(&histogram, &SCALE, 1001);
  histogram_record(&histogram, &SCALE, 3000000);
  histogram_add(&sum, &histogram);
  histogram_add(&sum, &histogram);
  exposition_histogram(&text, "x_seconds", "a=\"b\"", &histogram, &SCALE);
  assert_buffer_equal(&text, "x_seconds_bucket{a=\"b\",le=\"0.001\"} 1\n"
                             "x_seconds_bucket{a=\"b\",le=\"2.5\"} 2\n"
                             "x_seconds_bucket{a=\"b\",le=\"+Inf\"} 3\n"
                             "x_seconds_sum{a=\"b\"} 3.002001\n"
                             "x_seconds_count{a=\"b\"} 3\n");
  exposition_histogram(&text, "x_seconds", "", &sum, &SCALE);
  assert_buffer_equal(&text, "x_seconds_bucket{le=\"0.001\"} 2\n"
                             "x_seconds_bucket{le=\"2.5\"} 4\n"
                             "x_seconds_bucket{le=\"+Inf\"} 6\n"
                             "x_seconds_sum 6.004002\n"
                             "x_seconds_count 6\n");
  buffer_free(&text);
}

static void an_empty_histogram_with_labels_is_left_out(void **state) {
  struct histogram histogram = {0};
  struct buffer text = BUFFER_EMPTY;
  exposition_histogram(&text, "x", "a=\"b\"", &histogram, &histogram_sizes);
  assert_int_equal(text.length, 0);
  exposition_histogram(&text, "x", "", &histogram, &histogram_sizes);
  assert_non_null(strstr(buffer_text(&text), "x_count 0\n"));
  buffer_free(&text);
}

static void times_are_seconds(void **state) {
  struct buffer text = BUFFER_EMPTY;
  exposition_head(&text, "x_seconds", "gauge", "What it is.");
  exposition_seconds(&text, "x_seconds", "", 1500001);
  assert_buffer_equal(&text, "# HELP x_seconds What it is.\n# TYPE x_seconds gauge\n"
                             "x_seconds 1.500001\n");
  buffer_free(&text);
}

static void a_tally_counts_words_by_their_text(void **state) {
  static struct tally tally;
  char copy[] = "slow";
  struct buffer text = BUFFER_EMPTY;
  tally_count(&tally, "slow");
  tally_count(&tally, "down");
  tally_count(&tally, copy);
  exposition_tally(&text, "x_total", "Failures.", "reason", &tally);
  assert_buffer_equal(&text, "# HELP x_total Failures.\n# TYPE x_total counter\n"
                             "x_total{reason=\"slow\"} 2\nx_total{reason=\"down\"} 1\n");
  buffer_free(&text);
}

static void words_beyond_the_limit_are_counted_together(void **state) {
  static struct tally tally;
  static char words[2 * TALLY_WORDS][4];
  uint64_t count = 0, total = 0;
  for (int i = 0; i < 2 * TALLY_WORDS; i++) {
    snprintf(words[i], sizeof(words[i]), "%d", i);
    tally_count(&tally, words[i]);
  }
  for (unsigned place = 0; tally_at(&tally, place, &count); place++)
    total += count;
  assert_int_equal(total, 2 * TALLY_WORDS);
  assert_string_equal(tally_at(&tally, TALLY_WORDS - 1, &count), "other");
  assert_int_equal(count, TALLY_WORDS + 1);
  assert_null(tally_at(&tally, TALLY_WORDS, &count));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_histogram_is_written_in_its_unit),
      cmocka_unit_test(an_empty_histogram_with_labels_is_left_out),
      cmocka_unit_test(times_are_seconds),
      cmocka_unit_test(a_tally_counts_words_by_their_text),
      cmocka_unit_test(words_beyond_the_limit_are_counted_together),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
