/* sync_session.h: what a run needs to reach AWS and to tell people about it. The functions of have/
 * and do/ are blocking: each starts its requests, many side by side where that helps, and drives
 * the session's loop until they have ended. */
#pragma once

#include "lib/aws/aws_session.h"

#include <uv.h>

/* How far a step is. */
struct sync_progress {
  const char *what; /* "uploading assets", "deleting", … */
  size_t done, failed, total;
  uint64_t bytes, total_bytes;
};

/* Who is told what happens; either function may be NULL. */
struct sync_observer {
  void (*notice)(const char *sentence, void *argument);
  void (*progress)(const struct sync_progress *progress, void *argument);
  void *argument;
};

/* What changes while a run goes on. */
struct sync_run {
  bool has_conditions; /* the store keeps If-Match and If-None-Match, as S3 does (sync_lock.h) */

  /* Called before each request, and may stop the run; NULL: nobody. */
  void (*check)(void *argument);
  void *check_argument;

  uv_signal_t signals[3]; /* see sync_session_watch_signals() */
  size_t signal_count;

  struct error stopped; /* why no request may start any more; ERROR_NONE: they may */
  bool *pause_over;     /* of the pause that is under way; NULL: none is */
};

struct sync_session {
  struct aws_session *aws; /* owned */
  struct sync_observer observer;
  unsigned jobs;        /* requests side by side, at least 1 */
  struct sync_run *run; /* owned */
};

/* Opens the session: observer and jobs are the caller's to set. `config` was loaded with CONFIG_AWS
 * and must outlive it. Errors as aws_session_open(). */
bool sync_session_open(struct sync_session *session, const struct config *config,
                       struct error *error);

/* Takes a session that was not opened as well. */
void sync_session_close(struct sync_session *session);

struct aws_client *sync_session_client(const struct sync_session *session);

/* Drives the loop until `*done`, which a callback sets. */
void sync_session_wait(const struct sync_session *session, const bool *done);

/* Stops the run: no request starts from now on, each ends with this error instead, and a pause ends
 * at once. The first reason counts. */
void sync_session_stop(const struct sync_session *session, const struct error *reason);

/* True when the run was stopped. */
bool sync_session_is_stopped(const struct sync_session *session);

/* Drives the loop for so many milliseconds, or until the run is stopped. */
void sync_session_pause(const struct sync_session *session, uint64_t ms);

/* Tells the observer a printf-style sentence. */
void sync_session_notice(const struct sync_session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sync_session_progress(const struct sync_session *session,
                           const struct sync_progress *progress);

/* SIGINT, SIGTERM and SIGHUP stop the run from now on, whenever the loop is driven: no more
 * requests start, and those under way are answered. A second signal ends the process at once.
 * Before this call the first one does, as nothing was written. */
void sync_session_watch_signals(const struct sync_session *session);
