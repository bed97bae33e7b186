/* run.c: see run.h. */
#include "lib/sync/run.h"

#include "lib/base/cleanup.h"

#include <stdarg.h>
#include <stdio.h>

enum {
  GET_TRIES = 4,
  CALL_DEADLINE_MS = 120 * 1000,
  TRY_TIMEOUT_MS = 60 * 1000,
  NOTICE_SIZE = 1024
};

bool run_open(struct sync_run *run, const struct config *config, struct error *error) {
  run->bucket = (struct s3_bucket){.name = run->settings.bucket,
                                   .deadline_ms = CALL_DEADLINE_MS,
                                   .try_timeout_ms = TRY_TIMEOUT_MS};
  return aws_session_open(&run->aws, config, error);
}

void run_close(struct sync_run *run) {
  aws_session_close(&run->aws);
  build_free(&run->build);
  remote_free(&run->remote);
  sync_plan_free(&run->plan);
  journal_free(&run->journal);
  journal_free(&run->earlier);
  arena_free(&run->arena);
}

void run_until(struct sync_run *run, const bool *done) {
  loop_run_until(run->aws.loop, done);
}

static void on_pause_over(uv_timer_t *timer) {
  *(bool *)timer->data = true;
}

static void on_pause_closed(uv_handle_t *handle) {
  *(bool *)handle->data = true;
}

void run_pause(struct sync_run *run, uint64_t ms) {
  bool over = false, closed = false;
  uv_timer_t timer;
  uv_update_time(loop_uv(run->aws.loop));
  uv_timer_init(loop_uv(run->aws.loop), &timer);
  timer.data = &over;
  uv_timer_start(&timer, on_pause_over, ms, 0);
  run_until(run, &over);
  timer.data = &closed;
  uv_close((uv_handle_t *)&timer, on_pause_closed);
  run_until(run, &closed);
}

void run_notice(const struct sync_run *run, const char *format, ...) {
  char sentence[NOTICE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof(sentence), format, arguments);
  va_end(arguments);
  if (run->observer.notice) run->observer.notice(sentence, run->observer.argument);
}

void run_progress(const struct sync_run *run, const struct sync_progress *progress) {
  if (run->observer.progress) run->observer.progress(progress, run->observer.argument);
}

const char *run_state_key(struct sync_run *run, const char *name) {
  _cleanup_(buffer_free) struct buffer key = BUFFER_EMPTY;
  buffer_append_format(&key, "%s%s%s", run->settings.prefix, SYNC_STATE_FOLDER, name);
  return arena_copy(&run->arena, str_from(buffer_text(&key)));
}

/* --- Single objects --- */

struct waiting {
  bool done, ok, found, cut;
  struct buffer *body;
  struct error *error;
};

/* False when the body is not what the ETag is the checksum of: it was cut short. */
static bool fits_etag(const struct aws_response *response) {
  char md5[DIGEST_MD5_SIZE];
  struct str etag = aws_response_header(response, STR("etag"));
  struct str encryption = aws_response_header(response, STR("x-amz-server-side-encryption"));
  bool is_checksum = etag.length == DIGEST_MD5_SIZE + 1 && etag.data[0] == '"' &&
                     !str_starts_with(encryption, STR("aws:kms"));
  digest_md5(response->body, md5);
  return !is_checksum || strncmp(etag.data + 1, md5, DIGEST_MD5_SIZE - 1) == 0;
}

static void on_answer(const struct aws_response *response, void *argument) {
  struct waiting *waiting = argument;
  waiting->done = true;
  waiting->found = response->status != 404 || strcmp(response->code, "NoSuchBucket") == 0;
  waiting->ok = !response->error || !waiting->found;
  if (!waiting->ok && waiting->error) *waiting->error = *response->error;
  if (response->error || !waiting->body) return;
  waiting->cut = !fits_etag(response);
  buffer_append_str(waiting->body, response->body);
  if (waiting->body->failed) waiting->ok = error_set(waiting->error, ERROR_MEMORY, "out of memory");
}

bool run_get(struct sync_run *run, const char *key, size_t limit, struct buffer *body,
             bool *ret_found, struct error *error) {
  for (unsigned attempt = 0; attempt < GET_TRIES; attempt++) {
    struct waiting waiting = {.body = body, .error = error};
    body->length = 0;
    if (!s3_get(run->aws.client, &run->bucket, key, limit, on_answer, &waiting, error))
      return false;
    run_until(run, &waiting.done);
    *ret_found = waiting.found;
    if (!waiting.ok) return error_prefix(error, "reading %s", key);
    if (!waiting.cut) return true;
  }
  return error_set(error, ERROR_UNAVAILABLE, "reading %s: the answers are cut short", key);
}

bool run_put(struct sync_run *run, const char *key, struct str body, struct error *error) {
  char md5[DIGEST_MD5_SIZE], base64[DIGEST_MD5_BASE64_SIZE];
  digest_md5(body, md5);
  digest_md5_base64(md5, base64);
  struct sigv4_header headers[] = {{STR("content-md5"), str_from(base64)},
                                   {STR("content-type"), STR("application/json")},
                                   {STR("cache-control"), STR("no-store")}};
  struct waiting waiting = {.error = error};
  struct s3_putting putting = {key, body, headers, 3};
  if (!s3_put(run->aws.client, &run->bucket, &putting, on_answer, &waiting, error)) return false;
  run_until(run, &waiting.done);
  bool put = waiting.ok && waiting.found;
  if (waiting.ok && !waiting.found)
    error_set(error, ERROR_NOT_FOUND, "there is no such bucket or object");
  return put || error_prefix(error, "writing %s", key);
}
