/* clock.c: time. A thread keeps the texts of the days that it wrote last, so that the calendar is
 * asked once a day and not once a time. */
#include "lib/base/clock.h"

#include <assert.h>
#include <string.h>
#include <time.h>

enum { MICROSECONDS = 1000000, SECONDS_A_DAY = 86400 };

static const int64_t FIRST_SECOND = -62167219200; /* 0000-01-01T00:00:00Z */
static const int64_t LAST_SECOND = 253402300799;  /* 9999-12-31T23:59:59Z */
static const int64_t YEAR_ONE = -62135596800;     /* 0001-01-01T00:00:00Z */

uint64_t clock_monotonic_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * MICROSECONDS + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_boot_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (uint64_t)now.tv_sec * MICROSECONDS + (uint64_t)now.tv_nsec / 1000;
}

int64_t clock_unix_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * MICROSECONDS + now.tv_nsec / 1000;
}

/* Writes a number below 100. */
static void put_two_digits(char *text, unsigned value) {
  static const char PAIRS[] = "00010203040506070809101112131415161718192021222324"
                              "25262728293031323334353637383940414243444546474849"
                              "50515253545556575859606162636465666768697071727374"
                              "75767778798081828384858687888990919293949596979899";
  memcpy(text, PAIRS + 2 * (size_t)value, 2);
}

enum { DATE_LENGTH = 11, DATES_KEPT = 16 }; /* 2023-05-20T */

/* The texts of the days that a thread wrote last: a list's times lie on few days. Days that are 16
 * apart share a place. */
struct date {
  int64_t day;                /* since 1970-01-01 */
  char text[DATE_LENGTH + 1]; /* empty: not yet used */
};

/* Out of line, so that what needs no new date saves no registers for this. */
__attribute__((noinline)) static void write_date(struct date *date, int64_t day) {
  const time_t seconds = (time_t)(day * SECONDS_A_DAY);
  struct tm calendar;
  struct tm *done = gmtime_r(&seconds, &calendar);
  assert(done && "the day lies between FIRST_SECOND and LAST_SECOND");
  unsigned year = (unsigned)(calendar.tm_year + 1900);
  assert(year <= 9999);
  date->day = day;
  put_two_digits(date->text, year / 100);
  put_two_digits(date->text + 2, year % 100);
  date->text[4] = '-';
  put_two_digits(date->text + 5, (unsigned)calendar.tm_mon + 1);
  date->text[7] = '-';
  put_two_digits(date->text + 8, (unsigned)calendar.tm_mday);
  date->text[10] = 'T';
}

static const char *date_text(int64_t day) {
  static _Thread_local struct date dates[DATES_KEPT];
  struct date *date = &dates[(uint64_t)day % DATES_KEPT];
  if (date->day != day || !date->text[0]) write_date(date, day);
  return date->text;
}

bool clock_is_shown(int64_t unix_us) {
  return unix_us >= YEAR_ONE * MICROSECONDS && unix_us < (LAST_SECOND + 1) * MICROSECONDS;
}

/* A time beyond the years that can be written moves into the nearest second within. */
static int64_t nearest(int64_t unix_us) {
  bool early = unix_us < FIRST_SECOND * MICROSECONDS;
  bool late = unix_us >= (LAST_SECOND + 1) * MICROSECONDS;
  if (!early && !late) return unix_us;
  int64_t fraction = unix_us % MICROSECONDS;
  if (fraction < 0) fraction += MICROSECONDS;
  return (early ? FIRST_SECOND : LAST_SECOND) * MICROSECONDS + fraction;
}

size_t clock_format_rfc3339(int64_t unix_us, char text[CLOCK_RFC3339_SIZE]) {
  /* Counted from the first second there are no negative numbers, which are slower to divide. */
  uint64_t us = (uint64_t)(nearest(unix_us) - FIRST_SECOND * MICROSECONDS);
  int64_t day = (int64_t)(us / (SECONDS_A_DAY * 1000000ULL)) + FIRST_SECOND / SECONDS_A_DAY;
  uint64_t us_of_day = us % (SECONDS_A_DAY * 1000000ULL);
  unsigned second = (unsigned)(us_of_day / MICROSECONDS);
  unsigned fraction = (unsigned)(us_of_day % MICROSECONDS);
  memcpy(text, date_text(day), DATE_LENGTH);
  memcpy(text + DATE_LENGTH, "00:00:00.000000+00:00", CLOCK_RFC3339_SIZE - DATE_LENGTH);
  put_two_digits(text + 11, second / 3600);
  put_two_digits(text + 14, second / 60 % 60);
  put_two_digits(text + 17, second % 60);
  put_two_digits(text + 20, fraction / 10000);
  put_two_digits(text + 22, fraction / 100 % 100);
  put_two_digits(text + 24, fraction % 100);
  return CLOCK_RFC3339_SIZE - 1;
}
