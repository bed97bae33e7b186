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

/* `size` zeroed bytes, aligned for any type; NULL (and `failed`) when memory is out. */
void *arena_take(struct arena *arena, size_t size);

/* A NUL-terminated copy; "" (and `failed`) when memory is out. */
const char *arena_copy(struct arena *arena, struct str text);

/* Gives everything back. */
void arena_free(struct arena *arena);
