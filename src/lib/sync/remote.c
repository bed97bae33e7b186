/* remote.c: see remote.h. */
#include "lib/sync/remote.h"

#include <stdlib.h>

bool remote_add(struct remote *remote, const struct remote_object *object) {
  if (remote->count == remote->capacity) {
    size_t capacity = remote->capacity ? remote->capacity * 2 : 256;
    struct remote_object *objects = realloc(remote->objects, capacity * sizeof(*objects));
    if (!objects) return false;
    remote->objects = objects;
    remote->capacity = capacity;
  }
  remote->objects[remote->count++] = *object;
  return true;
}

static int compare(const void *a, const void *b) {
  return strcmp(((const struct remote_object *)a)->key, ((const struct remote_object *)b)->key);
}

void remote_sort(struct remote *remote) {
  if (remote->count > 0) qsort(remote->objects, remote->count, sizeof(remote->objects[0]), compare);
}

struct remote_object *remote_find(const struct remote *remote, const char *key) {
  struct remote_object wanted = {.key = key};
  if (remote->count == 0) return NULL;
  return bsearch(&wanted, remote->objects, remote->count, sizeof(wanted), compare);
}

void remote_free(struct remote *remote) {
  free(remote->objects);
  *remote = (struct remote){0};
}
