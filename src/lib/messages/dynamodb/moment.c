/* moment.c: the times of the DynamoDB table: keys that sort as text. */
#include "lib/messages/dynamodb/moment.h"

#include "lib/base/time.h"

enum { OFFSET_LENGTH = 6 }; /* +00:00 */

bool moment_parse(struct str key, int64_t *ret_unix_us) {
  return time_parse_rfc3339(key, TIME_OFFSET_OPTIONAL, ret_unix_us);
}

size_t moment_format_after(int64_t unix_us, char text[CLOCK_RFC3339_SIZE]) {
  size_t length = clock_format_rfc3339(unix_us + 1, text) - OFFSET_LENGTH;
  text[length] = '\0';
  return length;
}
