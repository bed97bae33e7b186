/* moment.c: the times of the DynamoDB table: keys that sort as text. */
#include "lib/messages/dynamodb/moment.h"

#include "lib/base/time.h"

enum { SECOND_US = 1000000, WHOLE_SECOND_LENGTH = 19 }; /* 2023-05-20T23:44:59 */

static const char AFTER_THE_SECOND =
    '['; /* all that follows a second, at most a 'Z', sorts before */

bool moment_parse(struct str key, int64_t *ret_unix_us) {
  return time_parse_rfc3339(key, TIME_OFFSET_OPTIONAL, ret_unix_us);
}

int64_t moment_second(int64_t unix_us) {
  int64_t second = unix_us / SECOND_US;
  return unix_us % SECOND_US < 0 ? second - 1 : second;
}

size_t moment_format_after(int64_t unix_us, char text[CLOCK_RFC3339_SIZE]) {
  clock_format_rfc3339(unix_us, text);
  text[WHOLE_SECOND_LENGTH] = AFTER_THE_SECOND;
  text[WHOLE_SECOND_LENGTH + 1] = '\0';
  return WHOLE_SECOND_LENGTH + 1;
}
