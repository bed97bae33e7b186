/* canceller.c: cancels statements in a thread of its own.
 *
 * The loop puts a job into the queue; the thread takes it out, calls PQcancel(), which blocks, and
 * posts the job back to the loop, which frees it. The mutex guards the queue, `closing` and each
 * job's `cancel`. The thread is detached: when the pool closes while PQcancel() is stuck in the
 * network, nobody waits for it, and the last of the two frees the canceller. */
#include "lib/pg/canceller.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* One request. The thread owns it once it is in the queue; `cancel` is NULL after it was forgotten.
 */
struct cancel_job {
  struct list node;
  struct pg_canceller *canceller;
  struct pg_cancel *cancel;
  PGcancel *handle;
};

/* Freed by whoever lets go of it last, the pool or the thread. */
struct pg_canceller {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  struct loop *loop; /* used by the thread under the mutex and only while `closing` is false */
  struct list jobs;
  bool running, closing;
};

static void free_job(struct cancel_job *job) {
  PQfreeCancel(job->handle);
  free(job);
}

static void free_canceller(struct pg_canceller *canceller) {
  pthread_mutex_destroy(&canceller->mutex);
  pthread_cond_destroy(&canceller->changed);
  free(canceller);
}

/* On the loop. What was forgotten since the thread posted this is told to nobody. */
static void on_returned(struct loop *loop, void *argument) {
  (void)loop;
  struct cancel_job *job = argument;
  struct pg_cancel *cancel = job->cancel;
  free_job(job);
  if (!cancel) return;
  cancel->job = NULL;
  cancel->returned(cancel);
}

/* With the mutex held. A loop that takes no more has closed its pool, and forgotten the job. */
static void post(struct pg_canceller *canceller, struct cancel_job *job) {
  bool posted = !canceller->closing && loop_post(canceller->loop, on_returned, job);
  if (posted) return;
  if (job->cancel) job->cancel->job = NULL;
  free_job(job);
}

static void *run(void *argument) {
  struct pg_canceller *canceller = argument;
  pthread_mutex_lock(&canceller->mutex);
  while (!canceller->closing) {
    struct list *node = list_pop(&canceller->jobs);
    if (!node) {
      pthread_cond_wait(&canceller->changed, &canceller->mutex);
      continue;
    }
    struct cancel_job *job = LIST_ENTRY(node, struct cancel_job, node);
    pthread_mutex_unlock(&canceller->mutex);
    char reason[256];
    PQcancel(job->handle, reason, sizeof(reason)); /* a failure shows in what the statement does */
    pthread_mutex_lock(&canceller->mutex);
    post(canceller, job);
  }
  pthread_mutex_unlock(&canceller->mutex);
  free_canceller(canceller);
  return NULL;
}

struct pg_canceller *canceller_new(struct loop *loop) {
  struct pg_canceller *canceller = calloc(1, sizeof(*canceller));
  if (!canceller) return NULL;
  pthread_mutex_init(&canceller->mutex, NULL);
  pthread_cond_init(&canceller->changed, NULL);
  canceller->loop = loop;
  list_init(&canceller->jobs);
  return canceller;
}

static bool start_thread(struct pg_canceller *canceller) {
  if (canceller->running) return true;
  pthread_t thread;
  canceller->running = pthread_create(&thread, NULL, run, canceller) == 0;
  if (canceller->running) pthread_detach(thread);
  return canceller->running;
}

bool canceller_ask(struct pg_canceller *canceller, struct pg_cancel *cancel, PGconn *conn) {
  struct cancel_job *job = calloc(1, sizeof(*job));
  if (!job) return false;
  job->handle = PQgetCancel(conn);
  if (!job->handle || !start_thread(canceller)) {
    free_job(job);
    return false;
  }
  job->canceller = canceller;
  job->cancel = cancel;
  pthread_mutex_lock(&canceller->mutex);
  assert(!cancel->job);
  cancel->job = job;
  list_append(&canceller->jobs, &job->node);
  pthread_cond_signal(&canceller->changed);
  pthread_mutex_unlock(&canceller->mutex);
  return true;
}

void canceller_forget(struct pg_canceller *canceller, struct pg_cancel *cancel) {
  pthread_mutex_lock(&canceller->mutex);
  if (cancel->job) cancel->job->cancel = NULL;
  cancel->job = NULL;
  pthread_mutex_unlock(&canceller->mutex);
}

void canceller_close(struct pg_canceller *canceller) {
  if (!canceller) return;
  pthread_mutex_lock(&canceller->mutex);
  struct list *node;
  while ((node = list_pop(&canceller->jobs))) {
    struct cancel_job *job = LIST_ENTRY(node, struct cancel_job, node);
    assert(!job->cancel);
    free_job(job);
  }
  canceller->closing = true;
  bool running = canceller->running;
  pthread_cond_signal(&canceller->changed);
  pthread_mutex_unlock(&canceller->mutex);
  if (!running) free_canceller(canceller);
}
