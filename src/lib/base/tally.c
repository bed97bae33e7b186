/* tally.c: how often each of a few constant words was counted.
 *
 * A place is taken once, by a compare-and-swap, and never given up. Two threads that count a new
 * word at the same time both find the place that one of them took. */
#include "lib/base/tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* True when the place has the word, or was free and has it now. */
static bool is_place_of(struct tally *tally, unsigned place, const char *word) {
  const char *found = atomic_load_explicit(&tally->entries[place].word, memory_order_acquire);
  if (!found && atomic_compare_exchange_strong(&tally->entries[place].word, &found, word))
    return true;
  return strcmp(found, word) == 0;
}

void tally_count(struct tally *tally, const char *word) {
  unsigned place = 0;
  while (place < TALLY_WORDS - 1 && !is_place_of(tally, place, word))
    place++;
  if (place == TALLY_WORDS - 1) is_place_of(tally, place, "other");
  atomic_fetch_add_explicit(&tally->entries[place].count, 1, memory_order_relaxed);
}

const char *tally_at(const struct tally *tally, unsigned place, uint64_t *ret_count) {
  if (place >= TALLY_WORDS) return NULL;
  *ret_count = atomic_load_explicit(&tally->entries[place].count, memory_order_relaxed);
  return atomic_load_explicit(&tally->entries[place].word, memory_order_acquire);
}
