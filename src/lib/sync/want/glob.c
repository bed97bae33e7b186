/* glob.c: file name patterns.
 *
 * The pattern is run as a nondeterministic automaton: `states[i]` says whether the bytes read so
 * far can have been matched by the first i bytes of the pattern. So there is no backtracking, and
 * the time is bounded whatever the pattern is. */
#include "lib/sync/want/glob.h"

#include <assert.h>

static bool is_double_star(struct str pattern, size_t at) {
  return at + 1 < pattern.length && pattern.data[at] == '*' && pattern.data[at + 1] == '*';
}

/* Marks `at` and every position that is reached from it without reading a byte. */
static void reach(struct str pattern, bool *states, size_t at) {
  while (at <= pattern.length && !states[at]) {
    states[at] = true;
    if (at == pattern.length || pattern.data[at] != '*') return;
    if (!is_double_star(pattern, at)) {
      at++;
      continue;
    }
    bool with_slash = at + 2 < pattern.length && pattern.data[at + 2] == '/';
    /* A "**" followed by '/' may stand for no folder at all. */
    if (with_slash) reach(pattern, states, at + 3);
    at += 2;
  }
}

/* A `?` takes all bytes of a UTF-8 character: it stays where it is for those that continue one. */
static void step(struct str pattern, const bool *states, bool *next, char byte) {
  bool continues = ((unsigned char)byte & 0xC0) == 0x80;
  for (size_t at = 0; at < pattern.length; at++) {
    if (!states[at]) continue;
    if (is_double_star(pattern, at))
      reach(pattern, next, at);
    else if (pattern.data[at] == '*' && byte != '/')
      reach(pattern, next, at);
    else if (pattern.data[at] == '?' ? byte != '/' && !continues : pattern.data[at] == byte)
      reach(pattern, next, at + 1);
  }
  if (!continues) return;
  for (size_t at = 1; at <= pattern.length; at++)
    if (states[at] && pattern.data[at - 1] == '?') next[at] = true;
}

static bool is_literal(struct str pattern) {
  return !memchr(pattern.data, '*', pattern.length) && !memchr(pattern.data, '?', pattern.length);
}

static bool fits_whole(struct str pattern, struct str path) {
  if (pattern.length == 0 || is_literal(pattern)) return str_equal(pattern, path);
  bool rows[2][GLOB_LENGTH_LIMIT + 4];
  assert(pattern.length < sizeof(rows[0])); /* one flag more than the pattern has bytes */
  bool *states = rows[0], *next = rows[1];
  memset(states, 0, pattern.length + 1);
  reach(pattern, states, 0);
  for (size_t i = 0; i < path.length; i++) {
    memset(next, 0, pattern.length + 1);
    step(pattern, states, next, path.data[i]);
    bool *swap = states;
    states = next;
    next = swap;
  }
  return states[pattern.length];
}

static struct str last_name(struct str path) {
  const char *slash = path.length > 0 ? memrchr(path.data, '/', path.length) : NULL;
  if (!slash) return path;
  size_t skipped = (size_t)(slash + 1 - path.data);
  return (struct str){slash + 1, path.length - skipped};
}

bool glob_fits(struct str pattern, struct str path) {
  if (pattern.length == 0 || pattern.length > GLOB_LENGTH_LIMIT - 2) return false;
  if (pattern.data[0] == '/')
    return fits_whole((struct str){pattern.data + 1, pattern.length - 1}, path);
  if (!memchr(pattern.data, '/', pattern.length)) return fits_whole(pattern, last_name(path));
  if (pattern.data[pattern.length - 1] != '/') return fits_whole(pattern, path);
  char below[GLOB_LENGTH_LIMIT];
  memcpy(below, pattern.data, pattern.length);
  below[pattern.length] = below[pattern.length + 1] = '*';
  return fits_whole((struct str){below, pattern.length + 2}, path);
}
