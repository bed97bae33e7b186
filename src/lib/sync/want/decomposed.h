/* decomposed.h: names that people cannot tell apart, because they differ in Unicode normalisation
 * alone. */
#pragma once

#include "lib/sync/arena.h"

#include <stdint.h>

/* A copy of the UTF-8 `text` with every character canonically decomposed (NFD, but that accents of
 * one letter keep their order). */
const char *decomposed_copy(struct arena *arena, struct str text);
