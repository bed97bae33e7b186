/* sync_session.c: what a run needs to reach AWS and to tell people about it. */
#include "lib/sync/sync_session.h"

#include "lib/loop/loop.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { NOTICE_SIZE = 1024 };

bool sync_session_open(struct sync_session *session, const struct config *config,
                       struct error *error) {
  assert(session->jobs > 0);
  session->aws = calloc(1, sizeof(*session->aws));
  if (!session->aws) return error_set(error, ERROR_MEMORY, "out of memory");
  return aws_session_open(session->aws, config, error);
}

void sync_session_close(struct sync_session *session) {
  if (session->aws) aws_session_close(session->aws);
  free(session->aws);
  session->aws = NULL;
}

struct aws_client *sync_session_client(const struct sync_session *session) {
  return session->aws->client;
}

void sync_session_wait(const struct sync_session *session, const bool *done) {
  loop_run_until(session->aws->loop, done);
}

static void on_pause_over(uv_timer_t *timer) {
  *(bool *)timer->data = true;
}

static void on_pause_closed(uv_handle_t *handle) {
  *(bool *)handle->data = true;
}

void sync_session_pause(const struct sync_session *session, uint64_t ms) {
  uv_loop_t *loop = loop_uv(session->aws->loop);
  bool over = false, closed = false;
  uv_timer_t timer;
  uv_update_time(loop);
  uv_timer_init(loop, &timer);
  timer.data = &over;
  uv_timer_start(&timer, on_pause_over, ms, 0);
  sync_session_wait(session, &over);
  timer.data = &closed;
  uv_close((uv_handle_t *)&timer, on_pause_closed);
  sync_session_wait(session, &closed);
}

void sync_session_notice(const struct sync_session *session, const char *format, ...) {
  char sentence[NOTICE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof(sentence), format, arguments);
  va_end(arguments);
  if (session->observer.notice) session->observer.notice(sentence, session->observer.argument);
}

void sync_session_progress(const struct sync_session *session,
                           const struct sync_progress *progress) {
  if (session->observer.progress) session->observer.progress(progress, session->observer.argument);
}
