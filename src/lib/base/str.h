/* str.h: a string slice: bytes that somebody else owns, not NUL-terminated, never NULL when n > 0.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
  const char *data;
  size_t length;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

static inline struct str str_from(const char *text) {
  return (struct str){text, text ? strlen(text) : 0};
}

static inline bool str_equal(struct str a, struct str b) {
  return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static inline bool str_starts_with(struct str text, struct str prefix) {
  return text.length >= prefix.length &&
         (prefix.length == 0 || memcmp(text.data, prefix.data, prefix.length) == 0);
}

/* Case-insensitive comparison of ASCII text; other bytes compare as they are. */
bool str_equal_ignore_case(struct str a, struct str b);

/* Removes ASCII spaces and tabs from both ends. */
struct str str_trim(struct str text);

/* Cuts the next element of a list separated by `separator` off `*rest`, trimmed, into `*ret_item`.
 * Returns false when nothing is left. Empty elements are returned as such. */
bool str_next(struct str *rest, char separator, struct str *ret_item);

/* Reads text that is a decimal number and nothing else (digits alone: no sign, blank or point) into
 * `*ret_number`. Returns false, and leaves it, when the text is something else or the number is
 * less than `low` or more than `high`. */
bool str_to_u64(struct str text, uint64_t low, uint64_t high, uint64_t *ret_number);

/* The same with "-" before negative numbers. */
bool str_to_i64(struct str text, int64_t low, int64_t high, int64_t *ret_number);

/* Cuts the digits that `*rest` begins with off it, and reads them as str_to_u64() does. When it
 * returns false, `*rest` is as it was. */
bool str_cut_u64(struct str *rest, uint64_t low, uint64_t high, uint64_t *ret_number);
