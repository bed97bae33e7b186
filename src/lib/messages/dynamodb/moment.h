/* moment.h: the times of the DynamoDB table: keys that sort as text. */
#pragma once

#include "lib/base/clock.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Reads `2023-05-20T23:44:59.123456+00:00` into microseconds of UTC since 1970. The fraction may
 * have one to nine digits (the seventh and later are dropped) or be missing; so may the offset,
 * which then is UTC, as old rows mean it. False for anything else. */
bool moment_parse(struct str text, int64_t *ret_unix_us);

/* The text that every key of `unix_us` or earlier is less than, with the offset +00:00 or without
 * one, and that no later key is, but for one whose fraction has fewer than six digits. Returns its
 * length. */
size_t moment_format_after(int64_t unix_us, char text[CLOCK_RFC3339_SIZE]);
