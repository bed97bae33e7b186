/* clock.c: see clock.h. */
#include "lib/base/clock.h"

#include <time.h>

enum { MICROSECONDS = 1000000, SECONDS_A_DAY = 86400 };

static const int64_t FIRST_SECOND = -62167219200; /* 0000-01-01T00:00:00Z */
static const int64_t LAST_SECOND = 253402300799;  /* 9999-12-31T23:59:59Z */

uint64_t clock_monotonic_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * MICROSECONDS + (uint64_t)now.tv_nsec / 1000;
}

int64_t clock_unix_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * MICROSECONDS + now.tv_nsec / 1000;
}

static void put_digits(char *text, unsigned value, int count) {
  for (int place = count - 1; place >= 0; place--) {
    text[place] = (char)('0' + value % 10);
    value /= 10;
  }
}

/* Days since 1970-01-01 to the proleptic Gregorian calendar, by eras of 400 years that begin in
 * March, so that the leap day is the last of its year (Howard Hinnant, "chrono-Compatible Low-Level
 * Date Algorithms", civil_from_days). */
static void civil_from_days(int64_t days, unsigned *year, unsigned *month, unsigned *day) {
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  unsigned day_of_era = (unsigned)(days - era * 146097);
  unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  unsigned shifted_month = (5 * day_of_year + 2) / 153;
  *day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  *month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  *year = (unsigned)(year_of_era + era * 400) + (*month <= 2);
}

size_t clock_format_rfc3339(int64_t unix_us, char text[CLOCK_RFC3339_SIZE]) {
  int64_t seconds = unix_us / MICROSECONDS;
  int64_t fraction = unix_us % MICROSECONDS;
  if (fraction < 0) {
    fraction += MICROSECONDS;
    seconds--;
  }
  if (seconds < FIRST_SECOND) seconds = FIRST_SECOND;
  if (seconds > LAST_SECOND) seconds = LAST_SECOND;
  int64_t days = seconds / SECONDS_A_DAY;
  int64_t second_of_day = seconds % SECONDS_A_DAY;
  if (second_of_day < 0) {
    second_of_day += SECONDS_A_DAY;
    days--;
  }
  unsigned year, month, day;
  civil_from_days(days, &year, &month, &day);
  static const char SHAPE[CLOCK_RFC3339_SIZE] = "0000-00-00T00:00:00.000000+00:00";
  for (size_t i = 0; i < sizeof(SHAPE); i++)
    text[i] = SHAPE[i];
  put_digits(text, year, 4);
  put_digits(text + 5, month, 2);
  put_digits(text + 8, day, 2);
  put_digits(text + 11, (unsigned)(second_of_day / 3600), 2);
  put_digits(text + 14, (unsigned)(second_of_day / 60 % 60), 2);
  put_digits(text + 17, (unsigned)(second_of_day % 60), 2);
  put_digits(text + 20, (unsigned)fraction, 6);
  return sizeof(SHAPE) - 1;
}
