/* purge.c: makes CloudFront forget what changed.
 *
 * Blocks: creates the invalidation, again and again while CloudFront is busy, then asks how far it
 * is until it is complete. Both waits are bounded. Creating twice does no harm: the caller
 * reference is the same, so that CloudFront answers with the first invalidation. */
#include "lib/sync/do/purge.h"

#include "lib/aws/services/cloudfront.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/sync/want/digest.h"

#include <assert.h>
#include <stdio.h>

enum {
  CALL_DEADLINE_MS = 60 * 1000,
  BUSY_BASE_MS = 500,
  BUSY_CAP_MS = 30 * 1000,
  POLL_FIRST_MS = 250,
  POLL_CAP_MS = 10 * 1000,
  REFERENCE_SIZE = 96,
  UNCLEAR_LIMIT = 4, /* unusable answers in one wait */
};
static const uint64_t BUSY_LIMIT_US = UINT64_C(20) * 60 * 1000000;
static const uint64_t WAIT_LIMIT_US = UINT64_C(30) * 60 * 1000000;

static void make_reference(const struct journal_paths *paths, const char *id,
                           char reference[REFERENCE_SIZE]) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  char digest[DIGEST_SHORT_SIZE];
  for (size_t i = 0; i < paths->count; i++)
    buffer_append_format(&text, "%s\n", paths->paths[i]);
  digest_short(buffer_str(&text), digest);
  snprintf(reference, REFERENCE_SIZE, "cruddur-%.48s-%s", id, digest);
}

static bool create(const struct sync_session *session,
                   const struct cloudfront_invalidation *invalidation,
                   struct cloudfront_answer *ret_answer, struct error *error) {
  uint64_t start_us = clock_monotonic_us();
  unsigned unclear = 0;
  for (unsigned attempt = 0;; attempt++) {
    if (cloudfront_invalidate(session->aws, invalidation, ret_answer, error)) return true;
    bool busy = strcmp(ret_answer->code, "TooManyInvalidationsInProgress") == 0;
    bool again = busy ? clock_monotonic_us() - start_us < BUSY_LIMIT_US
                      : error->kind == ERROR_UNAVAILABLE && ++unclear < UNCLEAR_LIMIT;
    if (!again) break;
    if (attempt == 0 && busy)
      sync_session_notice(session,
                          "CloudFront has too many invalidations in progress: waiting for them");
    sync_session_pause(session,
                       BUSY_BASE_MS + random_backoff_ms(attempt, BUSY_BASE_MS, BUSY_CAP_MS));
  }
  return error_prefix(error, "invalidating %zu paths of the distribution %s", invalidation->count,
                      invalidation->distribution);
}

static void show_progress(const struct sync_session *session, bool completed) {
  struct sync_progress progress = {.what = "invalidating", .done = completed, .total = 1};
  sync_session_progress(session, &progress);
}

static bool await(const struct sync_session *session, const char *distribution,
                  struct cloudfront_answer *answer, struct error *error) {
  char id[CLOUDFRONT_ID_SIZE];
  memcpy(id, answer->id, sizeof(id));
  uint64_t start_us = clock_monotonic_us(), pause_ms = POLL_FIRST_MS;
  unsigned unclear = 0;
  while (!answer->completed) {
    show_progress(session, false);
    if (clock_monotonic_us() - start_us > WAIT_LIMIT_US)
      return error_set(error, ERROR_UNAVAILABLE, "the invalidation %s is not complete yet", id);
    sync_session_pause(session, pause_ms);
    pause_ms = pause_ms * 2 < POLL_CAP_MS ? pause_ms * 2 : POLL_CAP_MS;
    bool told = cloudfront_get(session->aws, distribution, id, CALL_DEADLINE_MS, answer, error);
    if (!told && (error->kind != ERROR_UNAVAILABLE || ++unclear == UNCLEAR_LIMIT))
      return error_prefix(error, "asking how far the invalidation %s is", id);
    if (!told) answer->completed = false;
  }
  show_progress(session, true);
  return true;
}

bool purge_paths(const struct sync_session *session, const char *distribution,
                 const struct journal_paths *paths, const char *id, bool wait,
                 struct sync_results *results, struct error *error) {
  if (paths->count == 0 || !*distribution) return true;
  char reference[REFERENCE_SIZE];
  struct cloudfront_answer answer;
  assert(paths->count <= JOURNAL_PATHS_LIMIT); /* CloudFront takes no more in one request */
  make_reference(paths, id, reference);
  struct cloudfront_invalidation invalidation = {.distribution = distribution,
                                                 .caller_reference = reference,
                                                 .paths = paths->paths,
                                                 .count = paths->count,
                                                 .deadline_ms = CALL_DEADLINE_MS};
  if (!create(session, &invalidation, &answer, error)) return false;
  results->invalidated += paths->count;
  return !wait || await(session, distribution, &answer, error);
}

/* An answer without a code was cut short, and is asked for again. */
bool purge_check(const struct sync_session *session, const char *distribution,
                 struct error *error) {
  struct cloudfront_answer answer = {.code = ""};
  struct error problem = {0};
  for (unsigned tries = 0; *distribution && !*answer.code && tries < UNCLEAR_LIMIT; tries++)
    if (cloudfront_get(session->aws, distribution, "INONE", CALL_DEADLINE_MS, &answer, &problem))
      return true;
  if (!*distribution || strcmp(answer.code, "NoSuchInvalidation") == 0) return true;
  *error = problem;
  return error_prefix(error, "the distribution %s cannot be invalidated, so nothing was changed",
                      distribution);
}
