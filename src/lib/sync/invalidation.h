/* invalidation.h: which paths CloudFront has to forget: pure planning, no I/O.
 *
 * A path is written as CloudFront wants it: what RFC 1738 calls unsafe, '?' and everything that is
 * not ASCII is percent-encoded, nothing else is. A path with '~' is accepted by CloudFront but not
 * purged, and one with '*' inside is no wildcard: both are cut before that character and end in a
 * wildcard. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"
#include "lib/sync/arena.h"

enum {
  INVALIDATION_PATHS_LIMIT = 3000,   /* in one request and in flight: CloudFront's bound */
  INVALIDATION_WILDCARDS_LIMIT = 15, /* in flight: CloudFront's bound */
  INVALIDATION_PATHS_FREE = 1000,    /* a month: more are collapsed, unchanged files or not */
};

struct invalidation_key {
  const char *key; /* without what the distribution's origin path covers */
  bool changed;    /* it was cached perhaps, and is not any more what it was */
  bool asset;      /* a hashed name: never changes, never invalidated */
};

struct invalidation_paths {
  const char **paths; /* encoded, sorted, each once; from malloc */
  size_t count, capacity;
};

/* Plans the paths for the changed ones of `keys`, which are all keys there are, sorted. A folder
 * becomes a wildcard when two or more changed below it and nothing else is there; beyond
 * INVALIDATION_PATHS_FREE paths folders become wildcards from the deepest up. The texts are in
 * `arena`. Fails when memory is out. */
bool invalidation_plan(const struct invalidation_key *keys, size_t count, struct arena *arena,
                       struct invalidation_paths *ret_paths, struct error *error);

/* Adds a path (already encoded) that is not among them; false when memory is out. */
bool invalidation_add(struct invalidation_paths *paths, const char *path);

/* Sorts, drops doubles and what a wildcard covers, and brings them within CloudFront's bounds. */
bool invalidation_settle(struct invalidation_paths *paths, struct arena *arena);

/* Appends the path of `key`. */
void invalidation_encode(const char *key, struct buffer *output);

void invalidation_free(struct invalidation_paths *paths);
