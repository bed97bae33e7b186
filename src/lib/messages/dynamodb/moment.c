/* moment.c: see moment.h. */
#include "lib/messages/dynamodb/moment.h"

enum { SECOND_US = 1000000, WHOLE_LENGTH = 19, OFFSET_LENGTH = 6, FRACTION_DIGITS_LIMIT = 9 };

/* Days from 1970-01-01 to a day of the proleptic Gregorian calendar, by eras of 400 years that
 * begin in March (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil).
 */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

static bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

/* `count` digits at `text`, which are there; -1 when they are none. */
static int read_digits(const char *text, int count) {
  int number = 0;
  for (int i = 0; i < count; i++) {
    if (!is_digit(text[i])) return -1;
    number = number * 10 + (text[i] - '0');
  }
  return number;
}

static int days_of_month(int year, int month) {
  static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return DAYS[month - 1] + (month == 2 && leap);
}

/* 2023-05-20T23:44:59 */
static bool read_whole_seconds(struct str text, int64_t *ret_seconds) {
  if (text.length < WHOLE_LENGTH) return false;
  const char *t = text.data;
  if (t[4] != '-' || t[7] != '-' || t[10] != 'T' || t[13] != ':' || t[16] != ':') return false;
  int year = read_digits(t, 4), month = read_digits(t + 5, 2), day = read_digits(t + 8, 2);
  int hour = read_digits(t + 11, 2), minute = read_digits(t + 14, 2),
      second = read_digits(t + 17, 2);
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month))
    return false;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return false;
  *ret_seconds = ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
  return true;
}

/* Cuts ".123456" off the front of `*rest`; none is 0. */
static bool cut_fraction(struct str *rest, int64_t *ret_us) {
  *ret_us = 0;
  if (rest->length == 0 || rest->data[0] != '.') return true;
  size_t digits = 0;
  int64_t weight = SECOND_US / 10;
  while (digits + 1 < rest->length && is_digit(rest->data[digits + 1])) {
    *ret_us += (rest->data[digits + 1] - '0') * weight;
    weight /= 10;
    digits++;
  }
  rest->data += digits + 1;
  rest->length -= digits + 1;
  return digits > 0 && digits <= FRACTION_DIGITS_LIMIT;
}

/* "+00:00", "Z" or nothing, in seconds. */
static bool read_offset(struct str text, int64_t *ret_seconds) {
  *ret_seconds = 0;
  if (text.length == 0 || str_equal(text, STR("Z"))) return true;
  const char *t = text.data;
  if (text.length != OFFSET_LENGTH || (t[0] != '+' && t[0] != '-') || t[3] != ':') return false;
  int hours = read_digits(t + 1, 2), minutes = read_digits(t + 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
  *ret_seconds = (hours * 60 + minutes) * 60 * (t[0] == '-' ? -1 : 1);
  return true;
}

bool moment_parse(struct str text, int64_t *ret_unix_us) {
  int64_t seconds, fraction_us, offset;
  if (!read_whole_seconds(text, &seconds)) return false;
  struct str rest = {text.data + WHOLE_LENGTH, text.length - WHOLE_LENGTH};
  if (!cut_fraction(&rest, &fraction_us) || !read_offset(rest, &offset)) return false;
  *ret_unix_us = (seconds - offset) * SECOND_US + fraction_us;
  return true;
}

size_t moment_format_after(int64_t unix_us, char text[CLOCK_RFC3339_SIZE]) {
  size_t length = clock_format_rfc3339(unix_us + 1, text) - OFFSET_LENGTH;
  text[length] = '\0';
  return length;
}
