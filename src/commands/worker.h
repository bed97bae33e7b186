/* worker.h: one loop of the server with all that it needs: Postgres, tokens, HTTP. */
#pragma once

#include "routes/context.h"
#include "routes/key_purge.h"

#include "lib/auth/auth.h"
#include "lib/aws/aws_client.h"
#include "lib/base/config.h"
#include "lib/http/server.h"
#include "lib/pg/pool.h"
#include "lib/telemetry/rollbar.h"
#include "lib/telemetry/tracer.h"

#include <pthread.h>

/* What all workers share; immutable while they run. */
struct worker_options {
  struct http_options http;
  struct pg_pool_options pg;
  struct rollbar_options rollbar;
  struct tracer_options tracer;
  bool traced; /* spans go somewhere */
  uint64_t drain_timeout_ms;
  unsigned key_purge_s;          /* seconds between two runs */
  const struct config *config;   /* for what talks to AWS */
  struct aws_provider *provider; /* NULL: nothing does, and messages live in Postgres */
};

struct worker {
  struct loop *loop;
  pthread_t thread;
  const struct worker_options *options;
  struct fetcher *fetcher;
  struct authenticator *authenticator;
  struct aws_client *aws;  /* NULL: there is no provider */
  struct tracer *tracer;   /* NULL: nothing is traced */
  struct key_purge *purge; /* of the first loop; NULL on the others */
  struct route_context context;
  bool draining;
  /* Called on the worker's loop when it has let go of everything but its inbox, which is the
   * callee's to close. */
  void (*finished)(struct worker *worker, void *argument);
  void *finished_argument;
};

/* Builds the worker on `loop`; it owns `listen_fd`. After a failure the process must end. */
bool worker_init(struct worker *worker, struct loop *loop, struct key_keeper *keeper, int listen_fd,
                 const struct worker_options *options, struct error *error);

/* Makes the worker answer what it has, for at most `timeout_ms`, and end; on its own loop. Harmless
 * when called again. */
void worker_drain(struct worker *worker, uint64_t timeout_ms);
