/* clock.h: time: a monotonic clock for deadlines, wall-clock time for people, RFC 3339 text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLOCK_RFC3339_SIZE = 33 }; /* 2023-05-20T23:44:59.123456+00:00 and a NUL */

/* Microseconds since an arbitrary start; never goes back. */
uint64_t clock_monotonic_us(void);

/* The same, which goes on while the machine is suspended (CLOCK_BOOTTIME). */
uint64_t clock_boot_us(void);

/* Microseconds of UTC since 1970-01-01. */
int64_t clock_unix_us(void);

/* True for the years 1 to 9999: those that RFC 3339 and the readers of JSON know. */
bool clock_is_shown(int64_t unix_us);

/* Writes `unix_us` (microseconds of UTC since 1970) as RFC 3339 with six digits and the offset
 * +00:00, NUL-terminated, into `text`; returns the length (32 for years 0 to 9999, which are the
 * bounds: a time beyond them is written as the nearest one within). */
size_t clock_format_rfc3339(int64_t unix_us, char text[CLOCK_RFC3339_SIZE]);
