/* time.c: reading the times that others write: RFC 3339 and RFC 7231. */
#include "lib/base/time.h"

#include <time.h>

enum { SECOND_US = 1000000, FRACTION_DIGITS = 6, FRACTION_DIGITS_LIMIT = 9 };

static void skip(struct str *rest, size_t length) {
  rest->data += length;
  rest->length -= length;
}

static bool cut_text(struct str *rest, struct str text) {
  if (!str_starts_with(*rest, text)) return false;
  skip(rest, text.length);
  return true;
}

/* Cuts exactly `digits` digits off `*rest`. */
static bool cut_number(struct str *rest, size_t digits, uint64_t low, uint64_t high,
                       int *ret_number) {
  uint64_t number;
  if (rest->length < digits || !str_to_u64((struct str){rest->data, digits}, low, high, &number))
    return false;
  *ret_number = (int)number;
  skip(rest, digits);
  return true;
}

/* 23:44:59 */
static bool cut_time_of_day(struct str *rest, struct tm *time) {
  return cut_number(rest, 2, 0, 23, &time->tm_hour) && cut_text(rest, STR(":")) &&
         cut_number(rest, 2, 0, 59, &time->tm_min) && cut_text(rest, STR(":")) &&
         cut_number(rest, 2, 0, 59, &time->tm_sec);
}

/* Counts the members `tm_year` and `tm_mon` as people do. False when the month has no such day:
 * timegm() makes the first of May of 31 April. */
static bool count_seconds(struct tm time, int64_t *ret_seconds) {
  int day = time.tm_mday;
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  *ret_seconds = (int64_t)timegm(&time);
  return time.tm_mday == day;
}

/* --- RFC 3339 --- */

/* 2023-05-20T23:44:59 */
static bool cut_whole_seconds(struct str *rest, int64_t *ret_seconds) {
  struct tm time = {0};
  return cut_number(rest, 4, 1, 9999, &time.tm_year) && cut_text(rest, STR("-")) &&
         cut_number(rest, 2, 1, 12, &time.tm_mon) && cut_text(rest, STR("-")) &&
         cut_number(rest, 2, 1, 31, &time.tm_mday) && cut_text(rest, STR("T")) &&
         cut_time_of_day(rest, &time) && count_seconds(time, ret_seconds);
}

/* ".123456"; none is 0. */
static bool cut_fraction(struct str *rest, int64_t *ret_us) {
  *ret_us = 0;
  if (!cut_text(rest, STR("."))) return true;
  uint64_t number;
  size_t before = rest->length;
  if (!str_cut_u64(rest, 0, UINT64_MAX, &number)) return false;
  size_t digits = before - rest->length;
  if (digits > FRACTION_DIGITS_LIMIT) return false;
  for (; digits < FRACTION_DIGITS; digits++)
    number *= 10;
  for (; digits > FRACTION_DIGITS; digits--)
    number /= 10;
  *ret_us = (int64_t)number;
  return true;
}

/* "Z" or "+02:00", and what `leniency` adds; in seconds. */
static bool cut_offset(struct str *rest, unsigned leniency, int64_t *ret_seconds) {
  int hours, minutes;
  bool loose = leniency & TIME_OFFSET_LOOSE;
  *ret_seconds = 0;
  if (rest->length == 0) return leniency & TIME_OFFSET_OPTIONAL;
  if (cut_text(rest, STR("Z")) || (loose && cut_text(rest, STR("UTC")))) return true;
  bool west = str_starts_with(*rest, STR("-"));
  if (!west && !str_starts_with(*rest, STR("+"))) return false;
  skip(rest, 1);
  if (!cut_number(rest, 2, 0, 23, &hours) || (!cut_text(rest, STR(":")) && !loose) ||
      !cut_number(rest, 2, 0, 59, &minutes))
    return false;
  *ret_seconds = (hours * 60 + minutes) * 60 * (west ? -1 : 1);
  return true;
}

bool time_parse_rfc3339(struct str text, unsigned leniency, int64_t *ret_unix_us) {
  int64_t seconds, fraction_us, offset;
  if (!cut_whole_seconds(&text, &seconds) || !cut_fraction(&text, &fraction_us) ||
      !cut_offset(&text, leniency, &offset) || text.length > 0)
    return false;
  *ret_unix_us = (seconds - offset) * SECOND_US + fraction_us;
  return true;
}

/* --- RFC 7231 --- */

/* Cuts one of `count` names of three letters off `*rest`; `*ret_number` counts them from 1. */
static bool cut_name(struct str *rest, const char *names, int count, int *ret_number) {
  for (int i = 0; i < count; i++) {
    if (!cut_text(rest, (struct str){names + 3 * (size_t)i, 3})) continue;
    *ret_number = i + 1;
    return true;
  }
  return false;
}

bool time_parse_http_date(struct str text, int64_t *ret_unix_us) {
  struct tm time = {0};
  int day_of_week;
  int64_t seconds;
  if (!cut_name(&text, "MonTueWedThuFriSatSun", 7, &day_of_week) || !cut_text(&text, STR(", ")) ||
      !cut_number(&text, 2, 1, 31, &time.tm_mday) || !cut_text(&text, STR(" ")) ||
      !cut_name(&text, "JanFebMarAprMayJunJulAugSepOctNovDec", 12, &time.tm_mon) ||
      !cut_text(&text, STR(" ")) || !cut_number(&text, 4, 1, 9999, &time.tm_year) ||
      !cut_text(&text, STR(" ")) || !cut_time_of_day(&text, &time) ||
      !str_equal(text, STR(" GMT")) || !count_seconds(time, &seconds))
    return false;
  *ret_unix_us = seconds * SECOND_US;
  return true;
}
