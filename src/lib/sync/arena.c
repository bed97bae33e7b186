/* arena.c: memory that is given back all at once.
 *
 * Blocks of 64 kB in a list, the newest first; a larger request gets a block of its own. The bytes
 * are taken from the newest block alone, so that what is left of older ones stays unused. Nothing
 * is ever freed but the whole arena: an array that grew leaves its old copy behind, which makes
 * twice the memory at most. */
#include "lib/sync/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

enum { BLOCK_SIZE = 64 * 1024 - 64, FIRST_ITEMS = 64 };

struct arena_block {
  struct arena_block *next;
  size_t used, size;
  alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *add_block(struct arena *arena, size_t size) {
  size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
  struct arena_block *block = calloc(1, sizeof(*block) + room);
  if (!block) {
    arena->failed = true;
    return NULL;
  }
  block->size = room;
  block->next = arena->blocks;
  arena->blocks = block;
  return block;
}

void *arena_take(struct arena *arena, size_t size) {
  if (size > SIZE_MAX / 4) {
    arena->failed = true;
    return NULL;
  }
  size_t rounded = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
  struct arena_block *block = arena->blocks;
  if (!block || block->size - block->used < rounded) block = add_block(arena, rounded);
  if (!block) return NULL;
  void *bytes = block->bytes + block->used;
  block->used += rounded;
  assert(block->used <= block->size);
  return bytes;
}

const char *arena_copy(struct arena *arena, struct str text) {
  char *copy = arena_take(arena, text.length + 1);
  if (!copy) return "";
  if (text.length > 0) memcpy(copy, text.data, text.length);
  return copy;
}

void *arena_grow(struct arena *arena, void *items, size_t count, size_t *capacity, size_t size) {
  assert(count <= *capacity);
  if (count < *capacity) return items;
  size_t wanted = count > 0 ? 2 * count : FIRST_ITEMS;
  void *grown = wanted <= SIZE_MAX / size ? arena_take(arena, wanted * size) : NULL;
  if (!grown) {
    arena->failed = true;
    return NULL;
  }
  if (count > 0) memcpy(grown, items, count * size);
  *capacity = wanted;
  return grown;
}

void arena_free(struct arena *arena) {
  while (arena->blocks) {
    struct arena_block *next = arena->blocks->next;
    free(arena->blocks);
    arena->blocks = next;
  }
  *arena = ARENA_EMPTY;
}
