/* fuzz_moment.c: the keys of the DynamoDB table, which are times that sort as text. */
#include "fuzz.h"

#include "lib/messages/dynamodb/moment.h"

enum { WHOLE_LENGTH = 19, SECOND_US = 1000000 };

/* 0001-01-01 and 9999-12-31, a day away from the years that cannot be written. */
static const int64_t EARLIEST_US = -62135510400000000;
static const int64_t LATEST_US = 253402214400000000;

static int compare_text(struct str a, struct str b) {
  size_t common = a.length < b.length ? a.length : b.length;
  int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
  return order ? order : (a.length > b.length) - (a.length < b.length);
}

static bool ends_in(struct str text, struct str end) {
  return text.length >= end.length &&
         memcmp(text.data + text.length - end.length, end.data, end.length) == 0;
}

/* UTC, as the table has it. */
static bool is_usual(struct str key) {
  bool has_offset = key.length > WHOLE_LENGTH &&
                    (memchr(key.data + WHOLE_LENGTH, '-', key.length - WHOLE_LENGTH) ||
                     memchr(key.data + WHOLE_LENGTH, '+', key.length - WHOLE_LENGTH));
  return !has_offset || ends_in(key, STR("+00:00"));
}

static void check_order(struct str key, int64_t unix_us) {
  char after[CLOCK_RFC3339_SIZE], before[CLOCK_RFC3339_SIZE];
  size_t length = moment_format_after(unix_us, after);
  assert(compare_text(key, (struct str){after, length}) < 0);
  length = moment_format_after(unix_us - SECOND_US, before);
  assert(compare_text(key, (struct str){before, length}) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str key = fuzz_text(data, size);
  int64_t unix_us, again_us;
  char text[CLOCK_RFC3339_SIZE];
  if (!moment_parse(key, &unix_us)) return 0;
  assert(size >= WHOLE_LENGTH && size <= WHOLE_LENGTH + 16);
  if (unix_us < EARLIEST_US || unix_us > LATEST_US) return 0;
  size_t length = clock_format_rfc3339(unix_us, text);
  assert(moment_parse((struct str){text, length}, &again_us) && again_us == unix_us);
  if (is_usual(key)) check_order(key, unix_us);
  return 0;
}
