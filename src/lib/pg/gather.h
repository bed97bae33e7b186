/* gather.h: whether waiting writes leave at once or wait a moment for more. Inside the room; pure.
 *
 * When a commit ends, its writers are answered, and most of them write again at once. Writes that
 * came during the commit and left now would have the connection to themselves, and those of the
 * answered writers would wait for the whole next commit: two halves would take turns for ever, each
 * with half a group a flush. A moment's patience brings them together. Where the others do not come
 * (writers that do not write again) it is given up for a while, each time for longer. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { GATHER_MS = 1 };

struct gather {
  unsigned expected; /* writes that are worth waiting for; 0: leave at once */
  uint64_t until_us;
  unsigned misses; /* in a row */
  unsigned skips;  /* commits after which nothing is waited for */
};

/* A commit of `answered` writes has ended, and `waiting` others came meanwhile. */
void gather_begin(struct gather *gather, unsigned answered, unsigned waiting, uint64_t now_us);

/* True when the `waiting` writes are to leave now. */
bool gather_is_over(struct gather *gather, unsigned waiting, uint64_t now_us);
