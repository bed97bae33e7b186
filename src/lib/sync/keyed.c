/* keyed.c: arrays that are sorted by a text. */
#include "lib/sync/keyed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void keyed_sort(void *items, size_t count, size_t size) {
  assert(size >= sizeof(const char *));
  if (count > 0) qsort(items, count, size, compare);
}

size_t keyed_sort_unique(void *items, size_t count, size_t size) {
  char *bytes = items;
  size_t unique = 0;
  keyed_sort(items, count, size);
  for (size_t i = 0; i < count; i++) {
    if (unique > 0 && compare(bytes + (unique - 1) * size, bytes + i * size) == 0) continue;
    if (unique < i) memcpy(bytes + unique * size, bytes + i * size, size);
    unique++;
  }
  return unique;
}

const void *keyed_double(const void *items, size_t count, size_t size) {
  const char *bytes = items;
  for (size_t i = 1; i < count; i++)
    if (compare(bytes + (i - 1) * size, bytes + i * size) == 0) return bytes + i * size;
  return NULL;
}

void *keyed_find(const void *items, size_t count, size_t size, const char *key) {
  assert(size >= sizeof(const char *));
  return count > 0 ? bsearch(&key, items, count, size, compare) : NULL;
}
