/* remove.c: deletes objects, a thousand at a time.
 *
 * Works in rounds: a round sends all keys, batch after batch; the keys that S3 could not delete at
 * the moment are collected and are the next round's, after a pause. Deleting twice does no harm, so
 * a batch whose answer was cut short is sent again as a whole. */
#include "lib/sync/do/remove.h"

#include "lib/base/cleanup.h"
#include "lib/base/random.h"

#include <assert.h>
#include <stdlib.h>

enum { ROUNDS = 5, TRIES = 3, PAUSE_BASE_MS = 200, PAUSE_CAP_MS = 5000 };

struct removal {
  const struct sync_session *session;
  struct s3_bucket bucket;
  bool last_round;
  const char **again; /* keys that are to be tried once more */
  size_t again_count, refused;

  /* The batch that is under way. */
  size_t again_before; /* keys of earlier batches in `again` */
  const char *const *keys;
  size_t count;
  struct error error;
};

static bool is_passing(const char *code) {
  static const char *const CODES[] = {"InternalError", "SlowDown", "ServiceUnavailable",
                                      "RequestTimeout"};
  for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++)
    if (strcmp(code, CODES[i]) == 0) return true;
  return false;
}

/* The batch's own text of `key`; NULL: S3 names a key that was not in it. */
static const char *key_of_batch(const struct removal *removal, const char *key) {
  for (size_t i = 0; i < removal->count; i++)
    if (strcmp(removal->keys[i], key) == 0) return removal->keys[i];
  return NULL;
}

/* S3 might name a key twice. */
static bool is_noted(const struct removal *removal, const char *own) {
  for (size_t i = removal->again_before; i < removal->again_count; i++)
    if (removal->again[i] == own) return true;
  return false;
}

static void on_failed(const char *key, const char *code, const char *message, void *argument) {
  struct removal *removal = argument;
  const char *own = key_of_batch(removal, key);
  if (own && is_passing(code) && !removal->last_round) {
    if (!is_noted(removal, own)) removal->again[removal->again_count++] = own;
    return;
  }
  removal->refused++;
  sync_session_notice(removal->session, "not deleted: %s: %s: %s", key, code, message);
}

static bool remove_batch(struct removal *removal) {
  struct aws_session *aws = removal->session->aws;
  bool single = removal->count == 1 && !s3_key_fits_xml(removal->keys[0]);
  if (single) return s3_delete(aws, &removal->bucket, removal->keys[0], &removal->error);
  return s3_delete_many(aws, &removal->bucket, removal->keys, removal->count, on_failed, removal,
                        &removal->error);
}

static bool remove_surely(struct removal *removal) {
  size_t refused = removal->refused;
  removal->again_before = removal->again_count;
  for (unsigned attempt = 0; attempt < TRIES; attempt++) {
    removal->again_count = removal->again_before;
    removal->refused = refused;
    if (remove_batch(removal)) return true;
    if (removal->error.kind != ERROR_UNAVAILABLE) return false;
  }
  return false;
}

/* As many of the keys as one request takes: a thousand, or one that XML cannot hold. */
static size_t batch_length(const char *const *keys, size_t count) {
  size_t length = 0;
  while (length < count && length < S3_DELETE_LIMIT && s3_key_fits_xml(keys[length]))
    length++;
  return length > 0 ? length : 1;
}

static bool remove_round(struct removal *removal, const char *const *keys, size_t count,
                         struct sync_progress *progress) {
  for (size_t at = 0; at < count; at += removal->count) {
    size_t before = removal->again_count + removal->refused;
    removal->keys = keys + at;
    removal->count = batch_length(removal->keys, count - at);
    assert(removal->count > 0 && removal->count <= count - at);
    if (!remove_surely(removal)) return false;
    size_t left = removal->again_count + removal->refused - before;
    progress->done += left < removal->count ? removal->count - left : 0;
    sync_session_progress(removal->session, progress);
  }
  return true;
}

bool remove_keys(const struct sync_session *session, const struct sync_place *place,
                 const char *const *keys, size_t count, struct remove_counts *counts,
                 struct error *error) {
  _cleanup_free_ const char **now = calloc(count + 1, sizeof(*now));
  _cleanup_free_ const char **later = calloc(count + 1, sizeof(*later));
  *counts = (struct remove_counts){.failed = count};
  if (!now || !later) return error_set(error, ERROR_MEMORY, "out of memory");
  for (size_t i = 0; i < count; i++)
    assert(place_holds(place, keys[i]));
  struct sync_progress progress = {.what = "deleting", .total = count};
  struct removal removal = {.session = session, .bucket = place_bucket(place, 0), .again = later};
  size_t left = count;
  bool ok = true;
  memcpy(now, keys, count * sizeof(*now));
  for (unsigned round = 0; ok && left > 0 && round < ROUNDS; round++) {
    removal.last_round = round + 1 == ROUNDS;
    removal.again_count = 0;
    if (round > 0)
      sync_session_pause(session, random_backoff_ms(round, PAUSE_BASE_MS, PAUSE_CAP_MS));
    ok = remove_round(&removal, now, left, &progress);
    left = removal.again_count;
    assert(left <= count);
    memcpy(now, later, left * sizeof(*now));
  }
  *counts = (struct remove_counts){progress.done, count - progress.done};
  if (!ok) {
    *error = removal.error;
    return error_prefix(error, "deleting objects");
  }
  return removal.refused == 0 ||
         error_set(error, ERROR_DENIED, "%zu of %zu objects were not deleted", removal.refused,
                   count);
}
