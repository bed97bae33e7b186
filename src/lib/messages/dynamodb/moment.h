/* moment.h: the times of the DynamoDB table: keys that sort as text. */
#pragma once

#include "lib/base/clock.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Reads the key `2023-05-20T23:44:59.123456+00:00` into microseconds of UTC since 1970. Old rows
 * have fewer digits, no fraction or no offset, which means UTC; see time_parse_rfc3339(). False for
 * anything else. */
bool moment_parse(struct str key, int64_t *ret_unix_us);

/* The second that a time lies in, since 1970. Keys of UTC sort by it, however they are written.
 * Within a second they may not: `…59Z` sorts after `…59.5`. */
int64_t moment_second(int64_t unix_us);

/* Writes a bound for a query: every key of UTC of that second or earlier is less than this text, no
 * key of a later second is. Returns its length. */
size_t moment_format_after(int64_t unix_us, char text[CLOCK_RFC3339_SIZE]);
