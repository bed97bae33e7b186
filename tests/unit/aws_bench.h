/* aws_bench.h: what the tests of the AWS room share: settings, a loop with provider and client, a
 * server whose answers the test scripts, and what a call was told. */
#pragma once

#include "unit.h"
#include "web.h"

#include "lib/aws/aws_client.h"
#include "lib/aws/credentials/aws_provider.h"

#include <pthread.h>

enum { AMPLE_MS = 30000, REQUESTS_KEPT = 64 };

struct bench;

/* Answers the request number `number` (from 0) by writing to `fd`; false closes the connection. */
typedef bool bench_answer(struct bench *bench, int fd, unsigned number, const char *request);

struct bench {
  struct config config;
  struct loop *loop;
  struct aws_provider *provider;
  struct aws_client *client;
  struct web *web;
  bench_answer *answer;
  void *argument; /* of the test */
  pthread_mutex_t mutex;
  char *requests[REQUESTS_KEPT]; /* as they came */
  unsigned request_count;
};

struct outcome {
  struct bench *bench;
  unsigned calls;
  int status;
  unsigned tries;
  char code[80];
  struct error error; /* kind ERROR_NONE: done */
  struct buffer body;
  struct buffer etag;
};

/* Settings with static keys, files that are not there, and no metadata service. */
struct config bench_config(void);

/* A server and a loop. Change bench->config before bench_open(). */
void bench_start(struct bench *bench, bench_answer *answer);

/* The provider and the client; every service's endpoint is the server. */
void bench_open(struct bench *bench);
void bench_open_timed(struct bench *bench, const struct aws_provider_timing *timing);

/* Closes, runs the loop to its end, frees all. */
void bench_stop(struct bench *bench);

/* A request by `number`, waiting until it came. */
const char *bench_request(struct bench *bench, unsigned number);
unsigned bench_request_count(struct bench *bench);

/* The value of a header of a request in `value`; "" when there is none. */
const char *bench_header(const char *request, const char *name, char value[4096]);

/* Runs the loop until `*flag` is not 0. */
void bench_run_until(struct bench *bench, const unsigned *flag);

/* A callback for aws_client_call() with a struct outcome. */
void bench_done(const struct aws_response *response, void *argument);

/* Makes the call and waits for its end. */
struct outcome bench_call(struct bench *bench, const struct aws_request *request);
void outcome_free(struct outcome *outcome);

/* A DynamoDB PutItem with ample time. */
struct aws_request bench_put(void);
