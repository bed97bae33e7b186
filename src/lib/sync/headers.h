/* headers.h: the headers that an object is stored with and served with. */
#pragma once

#include "lib/sync/digest.h"

/* NUL-terminated, never NULL, "" for none; owned by whoever made them. */
struct sync_headers {
  const char *content_type;
  const char *cache_control;
  const char *content_disposition;
  const char *content_encoding;
  const char *content_language;
};

enum { SYNC_HEADER_COUNT = 5 };

#define SYNC_HEADERS_EMPTY ((struct sync_headers){"", "", "", "", ""})

/* The name of each header in the order of the struct, and its value. */
extern const char *const SYNC_HEADER_NAMES[SYNC_HEADER_COUNT];
const char *headers_get(const struct sync_headers *headers, size_t index);
void headers_set(struct sync_headers *headers, size_t index, const char *value);

bool headers_equal(const struct sync_headers *a, const struct sync_headers *b);

/* Sixteen hexadecimal digits that stand for all of them. */
void headers_digest(const struct sync_headers *headers, char ret_hex[DIGEST_SHORT_SIZE]);
