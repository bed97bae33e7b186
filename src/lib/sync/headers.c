/* headers.c: see headers.h. */
#include "lib/sync/headers.h"

#include "lib/base/cleanup.h"

const char *const SYNC_HEADER_NAMES[SYNC_HEADER_COUNT] = {
    "content-type", "cache-control", "content-disposition", "content-encoding", "content-language"};

const char *headers_get(const struct sync_headers *headers, size_t index) {
  const char *const values[SYNC_HEADER_COUNT] = {
      headers->content_type, headers->cache_control, headers->content_disposition,
      headers->content_encoding, headers->content_language};
  return values[index];
}

void headers_set(struct sync_headers *headers, size_t index, const char *value) {
  const char **const places[SYNC_HEADER_COUNT] = {
      &headers->content_type, &headers->cache_control, &headers->content_disposition,
      &headers->content_encoding, &headers->content_language};
  *places[index] = value;
}

bool headers_equal(const struct sync_headers *a, const struct sync_headers *b) {
  for (size_t i = 0; i < SYNC_HEADER_COUNT; i++)
    if (strcmp(headers_get(a, i), headers_get(b, i)) != 0) return false;
  return true;
}

void headers_digest(const struct sync_headers *headers, char ret_hex[DIGEST_SHORT_SIZE]) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  for (size_t i = 0; i < SYNC_HEADER_COUNT; i++) {
    buffer_append_text(&text, headers_get(headers, i));
    buffer_append_char(&text, '\n');
  }
  digest_short(buffer_str(&text), ret_hex);
}
