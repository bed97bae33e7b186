/* arena.h: memory that is given back all at once: what a sync knows lives until its end. */
#pragma once

#include "lib/base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct arena {
  struct arena_block *blocks;
  bool failed; /* an allocation failed: what was built on it must not be used */
};

#define ARENA_EMPTY ((struct arena){0})

/* Returns `size` zeroed bytes, aligned for any type; NULL (and sets `failed`) when memory is out.
 */
void *arena_take(struct arena *arena, size_t size);

/* Returns a NUL-terminated copy; "" (and sets `failed`) when memory is out. */
const char *arena_copy(struct arena *arena, struct str text);

/* Makes room for one more item behind the `count` items (of `size` bytes each) of an array that the
 * arena holds. Returns the array: `items` itself, or a copy with twice the room when `items` is
 * full, and then updates `*capacity`. NULL (and sets `failed`) when memory is out. */
void *arena_grow(struct arena *arena, void *items, size_t count, size_t *capacity, size_t size);

/* Gives everything back. */
void arena_free(struct arena *arena);
