/* place.h: where a sync goes: a bucket and the prefix of its keys there; and the keys of what a
 * sync keeps there for itself, below PREFIX.cruddur/. */
#pragma once

#include "lib/aws/services/s3.h"
#include "lib/sync/arena.h"

#define SYNC_STATE_FOLDER ".cruddur/"

/* How objects are stored, where that is asked for; NULL: as the bucket does it. */
struct sync_storage {
  const char *encryption; /* "AES256" or "aws:kms" */
  const char *kms_key;
  const char *class; /* "STANDARD_IA", …; of the site's objects alone */
  const char *tags;  /* "name=value&…"; of the site's objects alone */
};

struct sync_place {
  const char *bucket;
  const char *prefix; /* "" or ends in '/' */
  struct sync_storage storage;
};

enum { STORAGE_HEADERS_LIMIT = 5 };

/* Puts the headers that say it behind the `count` headers that are there. Returns how many there
 * are then. `is_copy`: of a copy, whose tags would be the source's; `is_state`: of an object of the
 * sync's own. */
size_t place_storage_headers(const struct sync_storage *storage, bool is_copy, bool is_state,
                             struct sigv4_header *headers, size_t count);

/* True when `key` is below the prefix. A sync never touches another key. */
bool place_holds(const struct sync_place *place, const char *key);

/* `key`, which must be below the prefix, without it. */
const char *place_below(const struct sync_place *place, const char *key);

/* True when `key`, which must be below the prefix, is one of the sync's own objects. */
bool place_is_state(const struct sync_place *place, const char *key);

/* The keys of the sync's own objects, in the arena: the object `name` ("manifest.json"), the list
 * of the release `number`, and the copy of the content with that MD5. "" when memory
 * is out. */
const char *place_state_key(const struct sync_place *place, struct arena *arena, const char *name);
const char *place_release_key(const struct sync_place *place, struct arena *arena, uint64_t number);
const char *place_copy_key(const struct sync_place *place, struct arena *arena, const char *md5);

/* The bucket for one request that sends `bytes`, with its bounds in time. */
struct s3_bucket place_bucket(const struct sync_place *place, uint64_t bytes);
