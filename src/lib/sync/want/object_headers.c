/* object_headers.c: the headers that an object is stored with and served with. */
#include "lib/sync/want/object_headers.h"

#include "lib/base/cleanup.h"

#include <assert.h>

const char *object_headers_name(size_t header) {
  static const char *const NAMES[SYNC_HEADER_COUNT] = {
      [SYNC_CONTENT_TYPE] = "content-type",
      [SYNC_CACHE_CONTROL] = "cache-control",
      [SYNC_CONTENT_DISPOSITION] = "content-disposition",
      [SYNC_CONTENT_ENCODING] = "content-encoding",
      [SYNC_CONTENT_LANGUAGE] = "content-language",
  };
  assert(header < SYNC_HEADER_COUNT);
  return NAMES[header];
}

bool object_headers_equal(const struct object_headers *a, const struct object_headers *b) {
  for (size_t i = 0; i < SYNC_HEADER_COUNT; i++)
    if (strcmp(a->values[i], b->values[i]) != 0) return false;
  return true;
}

void object_headers_digest(const struct object_headers *headers, char ret_hex[DIGEST_SHORT_SIZE]) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  for (size_t i = 0; i < SYNC_HEADER_COUNT; i++) {
    buffer_append_text(&text, headers->values[i]);
    buffer_append_char(&text, '\n');
  }
  digest_short(buffer_str(&text), ret_hex);
}
