/* bucket.h: what the bucket holds: its objects below the prefix, as the list tells and as HEAD told
 * more, and what earlier syncs left there about themselves. */
#pragma once

#include "lib/sync/have/journal.h"
#include "lib/sync/have/manifest.h"
#include "lib/sync/sync_session.h"
#include "lib/sync/want/build.h"

struct bucket_object {
  const char *key;  /* with the prefix; first, for keyed.h */
  const char *etag; /* without quotes */
  uint64_t size;
  int64_t modified_s; /* seconds of UTC since 1970 */

  /* Known after a HEAD only. */
  bool asked;
  bool encrypted;         /* by KMS or with a customer's key: the ETag is not a checksum */
  const char *stored_md5; /* what an upload of ours noted beside it; "": nothing */
  struct object_headers headers;
};

struct sync_bucket {
  struct sync_place place;
  struct bucket_object *objects; /* sorted by key, each key once */
  size_t count, capacity;
  struct manifest manifest; /* empty when there is none that can be read */
  struct journal earlier;   /* of a run that was cut off */
  bool has_earlier;
  const char *holder; /* who is syncing it now, for people; "": nobody, or nobody asked */
  size_t asked;       /* objects that HEAD was sent for */
};

/* Lists the bucket and reads manifest and journal. Writes nothing to it; the result is in `arena`.
 * A manifest that cannot be read is told to the observer and left out; a journal that cannot be
 * read owes everything. */
bool bucket_read(const struct sync_session *session, const struct sync_place *place,
                 struct arena *arena, struct sync_bucket *ret_bucket, struct error *error);

/* Sends HEAD for each object of which list and manifest do not tell whether it is as in `build`. */
bool bucket_ask(const struct sync_session *session, struct sync_bucket *bucket,
                const struct sync_build *build, struct arena *arena, struct error *error);

/* The object with that key; NULL: there is none. */
struct bucket_object *bucket_find(const struct sync_bucket *bucket, const char *key);

/* True when `object` still is as the manifest notes it (`known`; NULL: it has no note). */
bool bucket_object_is_known(const struct bucket_object *object, const struct known_object *known);
