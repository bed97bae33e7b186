/* version.c: see version.h. */
#include "lib/migrate/file/version.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SECONDS_DIGITS = 10 };

_Static_assert(VERSION_DIGITS_NEW <= VERSION_DIGITS_MAX, "what is written must be readable");
_Static_assert(VERSION_DIGITS_NEW < 20, "so that a new version fits 64 bits");

static const uint64_t TICKS_A_SECOND = 10000000; /* 17 digits: seven of fraction */

bool version_parse(struct str text, struct version *ret_version) {
  if (text.length == 0 || text.length > VERSION_DIGITS_MAX) return false;
  for (size_t i = 0; i < text.length; i++)
    if (text.data[i] < '0' || text.data[i] > '9') return false;
  struct version version = {0};
  memcpy(version.text, text.data, text.length);
  memset(version.key, '0', VERSION_DIGITS_MAX);
  size_t start = text.length < SECONDS_DIGITS ? SECONDS_DIGITS - text.length : 0;
  memcpy(version.key + start, text.data, text.length);
  *ret_version = version;
  return true;
}

bool version_parse_mark(struct str text, struct version *ret_mark) {
  struct str trimmed = str_trim(text), seconds, fraction = trimmed;
  if (trimmed.length == 0 || trimmed.length > VERSION_DIGITS_MAX) return false;
  char digits[2 * VERSION_DIGITS_MAX + 1] = {0};
  if (memchr(trimmed.data, '.', trimmed.length)) {
    str_next(&fraction, '.', &seconds);
    if (seconds.length == 0 || seconds.length > SECONDS_DIGITS) return false;
    size_t pad = SECONDS_DIGITS - seconds.length;
    memset(digits, '0', pad);
    memcpy(digits + pad, seconds.data, seconds.length);
    memcpy(digits + SECONDS_DIGITS, fraction.data, fraction.length);
  } else {
    memcpy(digits, trimmed.data, trimmed.length);
  }
  struct version mark;
  if (!version_parse(str_from(digits), &mark) || strspn(mark.key, "0") == VERSION_DIGITS_MAX)
    return false;
  memset(mark.text, 0, sizeof(mark.text));
  memcpy(mark.text, trimmed.data, trimmed.length);
  *ret_mark = mark;
  return true;
}

int version_compare(const struct version *a, const struct version *b) {
  return memcmp(a->key, b->key, VERSION_DIGITS_MAX);
}

bool version_next(const struct version *newest, int64_t unix_us, struct version *ret_version,
                  struct error *error) {
  uint64_t ticks = (uint64_t)unix_us * (TICKS_A_SECOND / 1000000);
  if (newest) {
    char digits[VERSION_DIGITS_NEW + 1] = {0};
    memcpy(digits, newest->key, VERSION_DIGITS_NEW);
    uint64_t ticks_of_newest = 0;
    bool is_number = str_to_u64(str_from(digits), 0, UINT64_MAX - 1, &ticks_of_newest);
    assert(is_number && "a key is digits alone");
    /* What the digits that were cut off say is less than one tick. */
    if (ticks <= ticks_of_newest) ticks = ticks_of_newest + 1;
  }
  char text[32];
  int length = snprintf(text, sizeof(text), "%0*" PRIu64, VERSION_DIGITS_NEW, ticks);
  if (length != VERSION_DIGITS_NEW)
    return error_set(error, ERROR_CONFLICT, "no version of %d digits sorts after %s",
                     VERSION_DIGITS_NEW, newest ? newest->text : "now");
  bool parsed = version_parse(str_from(text), ret_version);
  assert(parsed && (!newest || version_compare(ret_version, newest) > 0));
  return true;
}
