/* forget.h: `cruddur sync forget`: takes every copy of a content out of the bucket: the object, the
 * copies that rollbacks need, its rows in the lists of the releases, old versions; and has the
 * caches forget it. Copies are kept by content, so that others may lose theirs as well. */
#pragma once

#include "lib/sync/do/results.h"
#include "lib/sync/have/bucket.h"

/* Somebody who needs what goes. */
struct forget_loss {
  const char *key;
  uint64_t release;
  bool is_shared; /* another object with the same content */
};

/* The list of a release. */
struct forget_list {
  uint64_t number;
  struct sync_build build;
  bool has_key; /* it names what is to be forgotten, and is written again without it */
};

struct forget {
  const struct sync_bucket *bucket;
  const char **keys; /* what is to be forgotten, sorted, with the prefix */
  size_t key_count;
  const char **doomed; /* objects that go: these, where they are there, and the copies */
  size_t doomed_count;
  struct forget_list *lists;
  size_t list_count;
  struct forget_loss *losses;
  size_t loss_count, loss_capacity;
  const char **md5s; /* of the contents that go, sorted */
  size_t md5_count, md5_capacity;
};

/* Finds out what must go so that nothing of `paths` (keys below the prefix, or names of files of
 * the build) is left. Fails as ERROR_REFUSED when nobody knows a path, and after a run that was cut
 * off, which must be finished first. */
bool forget_find(const struct sync_session *session, const struct sync_bucket *bucket,
                 const char *const *paths, size_t count, struct arena *arena,
                 struct forget *ret_forget, struct error *error);

/* Does it. `id` names the invalidation; `results` are filled from nothing but their arena. A
 * version that may not be listed or deleted is told to the observer with the right that is missing,
 * and fails in the end as ERROR_PARTLY. */
bool forget_apply(const struct sync_session *session, const struct forget *forget,
                  const char *distribution, const char *id, bool origin_is_prefix, bool wait,
                  struct sync_results *results, struct error *error);
