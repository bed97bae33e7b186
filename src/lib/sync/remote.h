/* remote.h: what the bucket holds, as the list of its objects tells, and what HEAD told more. */
#pragma once

#include "lib/sync/arena.h"
#include "lib/sync/headers.h"

#include <stdint.h>

struct remote_object {
  const char *key;  /* with the prefix */
  const char *etag; /* without quotes */
  uint64_t size;
  int64_t modified_s; /* seconds of UTC since 1970 */

  /* Known after a HEAD alone. */
  bool asked;
  bool encrypted;         /* by KMS or the customer: the ETag is no checksum */
  const char *stored_md5; /* what an upload of ours wrote beside it; "" for none */
  struct sync_headers headers;
};

struct remote {
  struct remote_object *objects; /* sorted by key; from malloc */
  size_t count, capacity;
};

/* Adds an object; false when memory is out. Call remote_sort() when all are there. */
bool remote_add(struct remote *remote, const struct remote_object *object);

void remote_sort(struct remote *remote);

/* The object with that key; NULL: none. */
struct remote_object *remote_find(const struct remote *remote, const char *key);

void remote_free(struct remote *remote);
