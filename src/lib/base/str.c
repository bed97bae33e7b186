/* str.c: comparing, cutting and reading slices of text. */
#include "lib/base/str.h"

#include <assert.h>
#include <strings.h>

bool str_equal_ignore_case(struct str a, struct str b) {
  return a.length == b.length && (a.length == 0 || strncasecmp(a.data, b.data, a.length) == 0);
}

static bool is_blank(char byte) {
  return byte == ' ' || byte == '\t';
}

struct str str_trim(struct str text) {
  while (text.length > 0 && is_blank(text.data[0])) {
    text.data++;
    text.length--;
  }
  while (text.length > 0 && is_blank(text.data[text.length - 1]))
    text.length--;
  return text;
}

bool str_next(struct str *rest, char separator, struct str *ret_item) {
  if (!rest->data) return false;
  const char *end = rest->length > 0 ? memchr(rest->data, separator, rest->length) : NULL;
  size_t length = end ? (size_t)(end - rest->data) : rest->length;
  *ret_item = str_trim((struct str){rest->data, length});
  if (end)
    *rest = (struct str){end + 1, rest->length - length - 1};
  else
    *rest = (struct str){NULL, 0};
  return true;
}

bool str_cut_u64(struct str *rest, uint64_t low, uint64_t high, uint64_t *ret_number) {
  assert(low <= high); /* else no number would do, and every input would look wrong */
  uint64_t number = 0;
  size_t digits = 0;
  for (; digits < rest->length; digits++) {
    unsigned digit = (unsigned char)rest->data[digits] - (unsigned)'0';
    if (digit > 9) break;
    if (number > (UINT64_MAX - digit) / 10) return false;
    number = number * 10 + digit;
  }
  if (digits == 0 || number < low || number > high) return false;
  *rest = (struct str){rest->data + digits, rest->length - digits};
  *ret_number = number;
  return true;
}

bool str_to_u64(struct str text, uint64_t low, uint64_t high, uint64_t *ret_number) {
  uint64_t number;
  if (!str_cut_u64(&text, low, high, &number) || text.length > 0) return false;
  *ret_number = number;
  return true;
}

bool str_to_i64(struct str text, int64_t low, int64_t high, int64_t *ret_number) {
  assert(low <= high);
  bool negative = text.length > 0 && text.data[0] == '-';
  if (negative) text = (struct str){text.data + 1, text.length - 1};
  uint64_t size, most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
  if (!str_to_u64(text, 0, most, &size)) return false;
  int64_t number = negative ? (int64_t)(0 - size) : (int64_t)size;
  if (number < low || number > high) return false;
  *ret_number = number;
  return true;
}
