/* manifest.h: what earlier syncs left in the bucket about themselves: the releases, and what is
 * known of each object beyond the list of the bucket. One JSON file: .cruddur/manifest.json.
 *
 * The list of a bucket does not tell an object's headers. The manifest knows them as long as the
 * object was not written again: its ETag is as noted, and it was not modified after the time that
 * the note is good for.
 */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"
#include "lib/sync/arena.h"
#include "lib/sync/want/build_origin.h"
#include "lib/sync/want/digest.h"

enum { MANIFEST_SIZE_LIMIT = 64 * 1024 * 1024, MANIFEST_RELEASES_LIMIT = 100 };

/* Whether the name of an object holds a hash of its content. */
enum known_kind { KNOWN_BY_NAME, KNOWN_PLAIN, KNOWN_ASSET };

struct known_object {
  const char *key; /* first, for keyed.h */
  const char *etag;
  const char *md5;            /* of the content */
  const char *headers_digest; /* of the headers it is stored with */
  int64_t verified_s;         /* the note is good for an object not modified after this time */
  enum known_kind kind;       /* whether its name holds a hash */
  uint64_t first, last;       /* numbers of the first and the last release with it; 0: never */
};

struct known_release {
  uint64_t number; /* from 1 */
  const char *id;
  int64_t created_s;
  uint64_t files;
  uint64_t restored; /* the release whose pages a rollback put back; 0: a deploy */
  struct build_origin origin;
};

/* A copy of a page's content, kept for rollbacks. */
struct known_blob {
  const char *md5; /* first, for keyed.h */
  uint64_t last;   /* the last release with it */
};

struct manifest {
  struct known_object *objects; /* sorted by key */
  size_t object_count;
  struct known_release *releases; /* oldest first */
  size_t release_count;
  struct known_blob *blobs; /* sorted by md5 */
  size_t blob_count;
  uint64_t sequence; /* the latest release's number; 0: none */
};

/* Reads the JSON text into `arena`. Fails as ERROR_INVALID when it is not a manifest. */
bool manifest_parse(struct str text, struct arena *arena, struct manifest *ret_manifest,
                    struct error *error);

/* Appends the JSON text. */
void manifest_write(const struct manifest *manifest, struct buffer *output);

/* Entries by key, by number, by content; NULL: there is none. */
struct known_object *manifest_object(const struct manifest *manifest, const char *key);
const struct known_release *manifest_release(const struct manifest *manifest, uint64_t number);
struct known_blob *manifest_blob(const struct manifest *manifest, const char *md5);

/* The number of the oldest release that can be put back when those of the last deploy and of `keep`
 * deploys before it can; rollbacks are not counted. With `has_new` one more deploy comes. */
uint64_t manifest_oldest(const struct manifest *manifest, uint64_t keep, bool has_new);

/* Puts objects and blobs into the order that the functions above need. */
void manifest_sort(struct manifest *manifest);
