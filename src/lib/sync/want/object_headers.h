/* object_headers.h: the headers that an object is stored with and served with. */
#pragma once

#include "lib/sync/want/digest.h"

enum sync_header {
  SYNC_CONTENT_TYPE,
  SYNC_CACHE_CONTROL,
  SYNC_CONTENT_DISPOSITION,
  SYNC_CONTENT_ENCODING,
  SYNC_CONTENT_LANGUAGE,
  SYNC_HEADER_COUNT
};

/* A value for each; NUL-terminated, "" where the header is not set. Owned by whoever made them. */
struct object_headers {
  const char *values[SYNC_HEADER_COUNT];
};

#define OBJECT_HEADERS_EMPTY ((struct object_headers){{"", "", "", "", ""}})

/* The name of a header, in lower case. */
const char *object_headers_name(size_t header);

bool object_headers_equal(const struct object_headers *a, const struct object_headers *b);

/* Writes sixteen hexadecimal digits that stand for all values. */
void object_headers_digest(const struct object_headers *headers, char ret_hex[DIGEST_SHORT_SIZE]);
