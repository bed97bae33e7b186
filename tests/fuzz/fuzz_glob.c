/* fuzz_glob.c: file name patterns against the same rules in another shape: one step after the
 * other, trying everything. A line is the pattern, the rest the path. */
#include "fuzz.h"

#include "lib/sync/want/glob.h"

enum { PATTERN_LIMIT = 12, PATH_LIMIT = 16 }; /* trying everything takes its time */

static bool starts_double(struct str pattern) {
  return str_starts_with(pattern, STR("**"));
}

static struct str behind(struct str text, size_t count) {
  return (struct str){text.data + count, text.length - count};
}

static size_t character_length(struct str path) {
  size_t length = 1;
  while (length < path.length && ((unsigned char)path.data[length] & 0xC0) == 0x80)
    length++;
  return length;
}

static bool fits(struct str pattern, struct str path) {
  if (pattern.length == 0) return path.length == 0;
  if (starts_double(pattern)) {
    if (str_starts_with(pattern, STR("**/")) && fits(behind(pattern, 3), path)) return true;
    return fits(behind(pattern, 2), path) || (path.length > 0 && fits(pattern, behind(path, 1)));
  }
  if (pattern.data[0] == '*')
    return fits(behind(pattern, 1), path) ||
           (path.length > 0 && path.data[0] != '/' && fits(pattern, behind(path, 1)));
  if (path.length == 0) return false;
  if (pattern.data[0] == '?')
    return path.data[0] != '/' && fits(behind(pattern, 1), behind(path, character_length(path)));
  return pattern.data[0] == path.data[0] && fits(behind(pattern, 1), behind(path, 1));
}

static bool is_plain(struct str text) {
  for (size_t i = 0; i < text.length; i++)
    if ((unsigned char)text.data[i] >= 0x80) return false;
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str path = fuzz_text(data, size), pattern = fuzz_cut(&path, '\n');
  bool found = glob_fits(pattern, path);
  assert(!found || pattern.length < GLOB_LENGTH_LIMIT);
  if (pattern.length == 0 || pattern.length > PATTERN_LIMIT || path.length > PATH_LIMIT) return 0;
  /* Of bytes that are no UTF-8, a `?` takes what it likes. */
  if (!is_plain(pattern) || !is_plain(path)) return 0;
  bool whole = memchr(pattern.data, '/', pattern.length - 1) || pattern.data[0] == '/';
  if (whole && pattern.data[0] == '/' && pattern.data[pattern.length - 1] != '/')
    assert(found == fits(behind(pattern, 1), path));
  else if (whole && pattern.data[pattern.length - 1] != '/')
    assert(found == fits(pattern, path));
  else if (!memchr(pattern.data, '/', pattern.length) && !memchr(path.data, '/', path.length))
    assert(found == fits(pattern, path));
  return 0;
}
