/* purge.c: see purge.h. */
#include "lib/sync/purge.h"

#include "lib/aws/services/cloudfront.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"

#include <stdio.h>

enum {
  CALL_DEADLINE_MS = 60 * 1000,
  BUSY_BASE_MS = 500,
  BUSY_CAP_MS = 30 * 1000,
  POLL_FIRST_MS = 250,
  POLL_CAP_MS = 10 * 1000,
  REFERENCE_SIZE = 96,
  UNCLEAR_LIMIT = 4, /* answers that were cut short */
};
static const uint64_t BUSY_LIMIT_US = UINT64_C(20) * 60 * 1000000;
static const uint64_t WAIT_LIMIT_US = UINT64_C(30) * 60 * 1000000;

static void make_reference(const struct invalidation_paths *paths, const char *id,
                           char reference[REFERENCE_SIZE]) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  char digest[DIGEST_SHORT_SIZE];
  for (size_t i = 0; i < paths->count; i++)
    buffer_append_format(&text, "%s\n", paths->paths[i]);
  digest_short(buffer_str(&text), digest);
  snprintf(reference, REFERENCE_SIZE, "cruddur-%.48s-%s", id, digest);
}

/* Creates an invalidation. CloudFront takes so many at a time: then it is waited for. An answer of
 * 2xx that makes no sense is asked for again, which costs nothing. */
static bool create(struct sync_run *run, const struct invalidation_paths *paths,
                   const char *reference, struct cloudfront_answer *ret_answer,
                   struct error *error) {
  struct cloudfront_invalidation invalidation = {.distribution = run->settings.distribution,
                                                 .caller_reference = reference,
                                                 .paths = paths->paths,
                                                 .count = paths->count,
                                                 .deadline_ms = CALL_DEADLINE_MS};
  uint64_t start_us = clock_monotonic_us();
  unsigned unclear = 0;
  for (unsigned attempt = 0;; attempt++) {
    if (cloudfront_invalidate(&run->aws, &invalidation, ret_answer, error)) return true;
    bool busy = strcmp(ret_answer->code, "TooManyInvalidationsInProgress") == 0;
    bool again = busy ? clock_monotonic_us() - start_us < BUSY_LIMIT_US
                      : error->kind == ERROR_UNAVAILABLE && ++unclear < UNCLEAR_LIMIT;
    if (!again) break;
    if (attempt == 0 && busy)
      run_notice(run, "CloudFront has too many invalidations in progress: waiting for them");
    run_pause(run, BUSY_BASE_MS + random_backoff_ms(attempt, BUSY_BASE_MS, BUSY_CAP_MS));
  }
  return error_prefix(error, "invalidating %zu paths of the distribution %s", paths->count,
                      run->settings.distribution);
}

static bool await(struct sync_run *run, struct cloudfront_answer *answer, struct error *error) {
  char id[CLOUDFRONT_ID_SIZE];
  memcpy(id, answer->id, sizeof(id));
  uint64_t start_us = clock_monotonic_us(), pause_ms = POLL_FIRST_MS;
  unsigned unclear = 0;
  while (!answer->completed) {
    struct sync_progress progress = {.what = "invalidating", .total = 1};
    run_progress(run, &progress);
    if (clock_monotonic_us() - start_us > WAIT_LIMIT_US)
      return error_set(error, ERROR_UNAVAILABLE, "the invalidation %s is not complete yet", id);
    run_pause(run, pause_ms);
    pause_ms = pause_ms * 2 < POLL_CAP_MS ? pause_ms * 2 : POLL_CAP_MS;
    bool told =
        cloudfront_get(&run->aws, run->settings.distribution, id, CALL_DEADLINE_MS, answer, error);
    if (!told && (error->kind != ERROR_UNAVAILABLE || ++unclear == UNCLEAR_LIMIT))
      return error_prefix(error, "asking how far the invalidation %s is", id);
    if (!told) answer->completed = false;
  }
  struct sync_progress progress = {.what = "invalidating", .done = 1, .total = 1};
  run_progress(run, &progress);
  return true;
}

bool purge_paths(struct sync_run *run, const struct invalidation_paths *paths, const char *id,
                 bool wait, struct error *error) {
  if (paths->count == 0 || !*run->settings.distribution) return true;
  char reference[REFERENCE_SIZE];
  struct cloudfront_answer answer;
  make_reference(paths, id, reference);
  if (!create(run, paths, reference, &answer, error)) return false;
  run->counts.invalidated += paths->count;
  return !wait || await(run, &answer, error);
}
