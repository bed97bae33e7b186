/* fuzz.h: what the fuzz targets share. A target is one file with one function: it gives hostile
 * bytes to a parser and asserts what must hold of the result, whatever the bytes were. */
#pragma once

#include "lib/base/str.h"

#include <assert.h>
#include <stdint.h>

/* Called by libFuzzer for each input it makes up, by replay.c for each input of the corpus. `data`
 * is a block of its own, so that AddressSanitizer sees reads beyond its end. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline struct str fuzz_text(const uint8_t *data, size_t size) {
  return (struct str){(const char *)data, size};
}

/* True when `part` lies within `whole`; an empty one may have no place. */
static inline bool fuzz_inside(struct str whole, struct str part) {
  return part.length == 0 || (part.data >= whole.data && part.length <= whole.length &&
                              part.data + part.length <= whole.data + whole.length);
}

/* Cuts what stands before the first `separator` off `*rest`, as it is; all of it where there is
 * none. Several texts come as one input so. */
static inline struct str fuzz_cut(struct str *rest, char separator) {
  const char *end = rest->length > 0 ? memchr(rest->data, separator, rest->length) : NULL;
  struct str text = {rest->data, end ? (size_t)(end - rest->data) : rest->length};
  size_t skipped = text.length + (end != NULL);
  *rest = (struct str){rest->data + skipped, rest->length - skipped};
  return text;
}
