/* keyed.h: arrays that are sorted by a text. An item is a struct whose first member is that text
 * (const char *), or the text itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Sorts `count` items of `size` bytes by their texts, byte by byte. */
void keyed_sort(void *items, size_t count, size_t size);

/* Sorts, and leaves one of the items that have the same text. Returns how many are left. */
size_t keyed_sort_unique(void *items, size_t count, size_t size);

/* The first item whose text is that of the item before it; NULL: each text is there once. The items
 * are sorted. */
const void *keyed_double(const void *items, size_t count, size_t size);

/* The item with the text `key`, of items that are sorted; NULL: there is none. */
void *keyed_find(const void *items, size_t count, size_t size, const char *key);
