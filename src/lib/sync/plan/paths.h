/* paths.h: which paths CloudFront must forget: planned from what changes, without I/O.
 *
 * A path is written as CloudFront wants it: what RFC 1738 calls unsafe, '?' and everything that is
 * not ASCII is percent-encoded, nothing else is. CloudFront accepts a path with '~' but does not
 * purge it, and '*' inside a path is no wildcard: such a path is cut before that character and ends
 * in a wildcard. */
#pragma once

#include "lib/sync/plan/sync_plan.h"

enum {
  PATHS_LIMIT = 3000,   /* in one request and in progress: CloudFront's bound */
  PATHS_WILDCARDS = 15, /* in progress: CloudFront's bound */
  PATHS_FREE = 1000,    /* a month; beyond that folders become wildcards */
};

/* A key of the bucket, which some cache may hold. */
struct paths_key {
  const char *key; /* first, for keyed.h; without what the distribution's origin path covers */
  bool changed;    /* caches may hold another version of it */
};

/* Plans the paths for the changed ones of `keys`, which are all keys there are; sorts them. Of a
 * key that is there twice the changed one counts. A folder becomes a wildcard when two or more keys
 * below it changed and no others are there; beyond PATHS_FREE paths folders become wildcards, the
 * deepest first. False when memory is out. */
bool paths_plan(struct paths_key *keys, size_t count, struct arena *arena,
                struct journal_paths *ret_paths);

/* Takes over what an earlier run owes: adds its paths to this run's. Also takes over its id when
 * this run writes no object (`has_uploads` is false) and has the same target: CloudFront then
 * recognises the invalidation that was paid for. False when memory is out. */
bool paths_inherit(struct journal *journal, const struct journal *earlier, bool has_uploads,
                   struct arena *arena);

/* Makes `plan->journal`: its target and paths, with what an earlier run owes. `id` is that of the
 * changeset; with `origin_is_prefix` the distribution's origin path covers the prefix. */
bool paths_plan_journal(struct sync_plan *plan, const char *id, bool origin_is_prefix,
                        struct arena *arena, struct error *error);
