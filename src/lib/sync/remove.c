/* remove.c: see remove.h. */
#include "lib/sync/remove.h"

#include "lib/base/cleanup.h"
#include "lib/base/random.h"

#include <stdlib.h>

enum { ROUNDS = 5, TRIES = 3, PAUSE_BASE_MS = 200, PAUSE_CAP_MS = 5000 };

struct removing {
  struct sync_run *run;
  struct error error;
  const char **again; /* keys that are to be tried once more */
  size_t again_count;
  bool last_round;
  size_t refused;
};

static bool is_passing(const char *code) {
  static const char *const CODES[] = {"InternalError", "SlowDown", "ServiceUnavailable",
                                      "RequestTimeout"};
  for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++)
    if (strcmp(code, CODES[i]) == 0) return true;
  return false;
}

static void on_failed(const char *key, const char *code, const char *message, void *argument) {
  struct removing *removing = argument;
  if (is_passing(code) && !removing->last_round) {
    removing->again[removing->again_count++] = arena_copy(&removing->run->arena, str_from(key));
    return;
  }
  removing->refused++;
  run_notice(removing->run, "not deleted: %s: %s: %s", key, code, message);
}

static bool remove_batch(struct removing *removing, const char *const *keys, size_t count) {
  struct sync_run *run = removing->run;
  bool single = count == 1 && !s3_key_fits_xml(keys[0]);
  if (single) return s3_delete(&run->aws, &run->bucket, keys[0], &removing->error);
  return s3_delete_many(&run->aws, &run->bucket, keys, count, on_failed, removing,
                        &removing->error);
}

/* An answer that was cut short is asked for again: to delete twice is as good as once. */
static bool remove_surely(struct removing *removing, const char *const *keys, size_t count) {
  size_t again_count = removing->again_count, refused = removing->refused;
  for (unsigned attempt = 0; attempt < TRIES; attempt++) {
    removing->again_count = again_count;
    removing->refused = refused;
    if (remove_batch(removing, keys, count)) return true;
    if (removing->error.kind != ERROR_UNAVAILABLE) return false;
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

static bool remove_round(struct removing *removing, const char *const *keys, size_t count,
                         struct sync_progress *progress) {
  for (size_t at = 0; at < count;) {
    size_t length = batch_length(keys + at, count - at);
    size_t before = removing->again_count + removing->refused;
    if (!remove_surely(removing, keys + at, length)) return false;
    progress->done += length - (removing->again_count + removing->refused - before);
    run_progress(removing->run, progress);
    at += length;
  }
  return true;
}

bool remove_keys(struct sync_run *run, const char *const *keys, size_t count, struct error *error) {
  _cleanup_free_ const char **now = calloc(count + 1, sizeof(*now));
  _cleanup_free_ const char **later = calloc(count + 1, sizeof(*later));
  if (!now || !later) return error_set(error, ERROR_MEMORY, "out of memory");
  struct sync_progress progress = {.what = "deleting", .total = count};
  struct removing removing = {.run = run, .again = later};
  memcpy(now, keys, count * sizeof(*now));
  bool ok = true;
  for (unsigned round = 0; ok && count > 0 && round < ROUNDS; round++) {
    removing.last_round = round + 1 == ROUNDS;
    removing.again_count = 0;
    if (round > 0) run_pause(run, random_backoff_ms(round, PAUSE_BASE_MS, PAUSE_CAP_MS));
    ok = remove_round(&removing, now, count, &progress);
    count = removing.again_count;
    memcpy(now, later, count * sizeof(*now));
  }
  run->counts.deleted += progress.done;
  run->counts.failed += progress.total - progress.done;
  if (!ok) {
    *error = removing.error;
    return error_prefix(error, "deleting objects");
  }
  return removing.refused == 0 ||
         error_set(error, ERROR_DENIED, "%zu of %zu objects were not deleted", removing.refused,
                   progress.total);
}
