/* tally.h: how often each of a few constant words was counted: reasons, names of services. Any
 * thread counts and reads, without locks. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum { TALLY_WORDS = 32 };

/* All zero: empty. */
struct tally {
  struct {
    _Atomic(const char *) word; /* NULL: this place and those behind it are free */
    atomic_uint_fast64_t count;
  } entries[TALLY_WORDS];
};

/* Counts `word`, which is constant. Words beyond TALLY_WORDS are counted as "other". */
void tally_count(struct tally *tally, const char *word);

/* The word at a place and its count; NULL where no more follow. */
const char *tally_at(const struct tally *tally, unsigned place, uint64_t *ret_count);
