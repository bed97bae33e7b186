/* place.c: where a sync goes, and the keys of what it keeps there for itself. */
#include "lib/sync/place.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum {
  CALL_DEADLINE_MS = 120 * 1000,
  TRY_TIMEOUT_MS = 60 * 1000,
  SLOWEST_BYTES_A_MS = 32, /* a slow line uploads large files as well */
  NAME_SIZE = 64
};

bool place_holds(const struct sync_place *place, const char *key) {
  return strncmp(key, place->prefix, strlen(place->prefix)) == 0;
}

const char *place_below(const struct sync_place *place, const char *key) {
  assert(place_holds(place, key));
  return key + strlen(place->prefix);
}

bool place_is_state(const struct sync_place *place, const char *key) {
  return str_starts_with(str_from(place_below(place, key)), STR(SYNC_STATE_FOLDER));
}

const char *place_state_key(const struct sync_place *place, struct arena *arena, const char *name) {
  size_t size = strlen(place->prefix) + strlen(SYNC_STATE_FOLDER) + strlen(name) + 1;
  char *key = arena_take(arena, size);
  if (!key) return "";
  snprintf(key, size, "%s%s%s", place->prefix, SYNC_STATE_FOLDER, name);
  return key;
}

const char *place_release_key(const struct sync_place *place, struct arena *arena,
                              uint64_t number) {
  char name[NAME_SIZE];
  snprintf(name, sizeof(name), "releases/%" PRIu64 ".json", number);
  return place_state_key(place, arena, name);
}

const char *place_copy_key(const struct sync_place *place, struct arena *arena, const char *md5) {
  char name[NAME_SIZE];
  snprintf(name, sizeof(name), "pages/%.32s", md5);
  return place_state_key(place, arena, name);
}

static size_t add(struct sigv4_header *headers, size_t count, struct str name, const char *value) {
  if (!value) return count;
  headers[count] = (struct sigv4_header){name, str_from(value)};
  return count + 1;
}

size_t place_storage_headers(const struct sync_storage *storage, bool is_copy, bool is_state,
                             struct sigv4_header *headers, size_t count) {
  assert(count + STORAGE_HEADERS_LIMIT <= S3_HEADERS_LIMIT);
  count = add(headers, count, STR("x-amz-server-side-encryption"), storage->encryption);
  count = add(headers, count, STR("x-amz-server-side-encryption-aws-kms-key-id"), storage->kms_key);
  if (is_state) return count;
  count = add(headers, count, STR("x-amz-storage-class"), storage->class);
  count = add(headers, count, STR("x-amz-tagging"), storage->tags);
  if (!is_copy || !storage->tags) return count;
  return add(headers, count, STR("x-amz-tagging-directive"), "REPLACE");
}

struct s3_bucket place_bucket(const struct sync_place *place, uint64_t bytes) {
  uint64_t allowance_ms = bytes / SLOWEST_BYTES_A_MS;
  return (struct s3_bucket){.name = place->bucket,
                            .deadline_ms = CALL_DEADLINE_MS + 2 * allowance_ms,
                            .try_timeout_ms = TRY_TIMEOUT_MS + allowance_ms};
}
