/* sync_session.c: what a run needs to reach AWS and to tell people about it. */
#include "lib/sync/sync_session.h"

#include "lib/loop/loop.h"

#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTICE_SIZE = 1024 };

static bool may_send(void *argument, struct error *error) {
  const struct sync_run *run = argument;
  if (run->check) run->check(run->check_argument);
  if (run->stopped.kind == ERROR_NONE) return true;
  *error = run->stopped;
  return false;
}

bool sync_session_open(struct sync_session *session, const struct config *config,
                       struct error *error) {
  assert(session->jobs > 0);
  session->aws = calloc(1, sizeof(*session->aws));
  session->run = calloc(1, sizeof(*session->run));
  if (!session->aws || !session->run) return error_set(error, ERROR_MEMORY, "out of memory");
  if (!aws_session_open(session->aws, config, error)) return false;
  aws_client_set_gate(session->aws->client, may_send, session->run);
  return true;
}

void sync_session_stop(const struct sync_session *session, const struct error *reason) {
  assert(reason->kind != ERROR_NONE);
  if (sync_session_is_stopped(session)) return;
  session->run->stopped = *reason;
  if (session->run->pause_over) *session->run->pause_over = true;
}

bool sync_session_is_stopped(const struct sync_session *session) {
  return session->run->stopped.kind != ERROR_NONE;
}

/* --- Signals --- */

static void on_signal(uv_signal_t *handle, int number) {
  const struct sync_session *session = handle->data;
  struct error error = {0};
  if (sync_session_is_stopped(session)) {
    signal(number, SIG_DFL);
    raise(number);
    return;
  }
  sync_session_notice(session,
                      "%s: waiting for the requests under way; a second signal ends at once",
                      strsignal(number));
  error_set(&error, ERROR_CONFLICT, "interrupted by a signal (%s)", strsignal(number));
  sync_session_stop(session, &error);
}

void sync_session_watch_signals(const struct sync_session *session) {
  static const int NUMBERS[] = {SIGINT, SIGTERM, SIGHUP};
  struct sync_run *run = session->run;
  _Static_assert(sizeof(NUMBERS) / sizeof(NUMBERS[0]) ==
                     sizeof(run->signals) / sizeof(run->signals[0]),
                 "a handle for each");
  assert(run->signal_count == 0);
  for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
    uv_signal_t *handle = &run->signals[run->signal_count++];
    uv_signal_init(loop_uv(session->aws->loop), handle);
    handle->data = (void *)(uintptr_t)session;
    uv_signal_start(handle, on_signal, NUMBERS[i]);
  }
}

static void on_signal_closed(uv_handle_t *handle) {
  *(bool *)handle->data = true;
}

static void end_signals(const struct sync_session *session) {
  for (size_t i = 0; i < session->run->signal_count; i++) {
    bool closed = false;
    session->run->signals[i].data = &closed;
    uv_close((uv_handle_t *)&session->run->signals[i], on_signal_closed);
    sync_session_wait(session, &closed);
  }
}

void sync_session_close(struct sync_session *session) {
  if (session->aws && session->aws->loop) end_signals(session);
  if (session->aws) aws_session_close(session->aws);
  free(session->aws);
  free(session->run);
  session->run = NULL;
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
  bool over = sync_session_is_stopped(session), closed = false;
  uv_timer_t timer;
  uv_update_time(loop);
  uv_timer_init(loop, &timer);
  timer.data = &over;
  uv_timer_start(&timer, on_pause_over, ms, 0);
  assert(!session->run->pause_over); /* one pause at a time */
  session->run->pause_over = &over;
  sync_session_wait(session, &over);
  session->run->pause_over = NULL;
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
