/* fuzz_time.c: times that others write: RFC 3339, with and without what some leave out, and the
 * dates of HTTP. */
#include "fuzz.h"

#include "lib/base/clock.h"
#include "lib/base/time.h"

enum { LENIENCIES = 4, HTTP_DATE_LENGTH = 29 };

/* The years that can be written, and the offset of a day. */
static const int64_t EARLIEST_US = -62135596800000000 - 86400000000;
static const int64_t LATEST_US = 253402300799999999 + 86400000000;

/* A time that was read is the same after it was written, if its year can be written. */
static void check_time(int64_t unix_us) {
  char text[CLOCK_RFC3339_SIZE];
  int64_t again_us = 0;
  assert(unix_us >= EARLIEST_US && unix_us <= LATEST_US);
  if (unix_us < EARLIEST_US + 86400000000 || unix_us > LATEST_US - 86400000000) return;
  size_t length = clock_format_rfc3339(unix_us, text);
  assert(time_parse_rfc3339((struct str){text, length}, 0, &again_us) && again_us == unix_us);
}

/* Whoever takes more takes at least the same, and reads it in the same way. */
static void check_leniency(struct str text) {
  int64_t times[LENIENCIES];
  bool taken[LENIENCIES];
  for (unsigned i = 0; i < LENIENCIES; i++) {
    taken[i] = time_parse_rfc3339(text, i, &times[i]);
    if (!taken[i]) continue;
    assert(text.length <= TIME_RFC3339_LIMIT);
    check_time(times[i]);
  }
  for (unsigned i = 1; i < LENIENCIES; i++) {
    assert(!taken[0] || (taken[i] && times[i] == times[0]));
    assert(!taken[i] || (taken[LENIENCIES - 1] && times[LENIENCIES - 1] == times[i]));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str text = fuzz_text(data, size);
  int64_t unix_us;
  check_leniency(text);
  if (time_parse_http_date(text, &unix_us)) {
    assert(text.length == HTTP_DATE_LENGTH && unix_us % 1000000 == 0);
    check_time(unix_us);
  }
  return 0;
}
