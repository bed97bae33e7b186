/* lambda_runtime.h: the AWS Lambda runtime API: takes invocations one after the other and answers
 * them.
 *
 * Source: AWS Lambda Developer Guide, "Using the Lambda runtime API" (2018-06-01). Blocks: a
 * function has one invocation at a time, and nothing else to do. */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/str.h"

#include <stdint.h>

struct lambda_runtime;

/* Lives for the time of the handler. */
struct lambda_runtime_invocation {
  struct str request_id;
  struct str event;    /* as it came */
  int64_t deadline_ms; /* when Lambda gives up, in milliseconds of UTC since 1970; 0: not told */
};

/* Does the work; it reports by itself what goes wrong, since the answer is the event unchanged. */
typedef void (*lambda_runtime_handler)(const struct lambda_runtime_invocation *invocation,
                                       void *argument);

/* `api` is AWS_LAMBDA_RUNTIME_API: host and port. */
bool lambda_runtime_open(const char *api, struct lambda_runtime **ret_lambda, struct error *error);
void lambda_runtime_close(struct lambda_runtime *lambda);
DEFINE_CLEANUP(struct lambda_runtime *, lambda_runtime_close);

/* Takes the next invocation, calls `handler`, answers with the event's own bytes. An answer that
 * Lambda does not take is reported as the invocation's error and fills `error` with kind CONFLICT.
 * Any other failure means that the runtime cannot go on. */
bool lambda_runtime_serve_one(struct lambda_runtime *lambda, lambda_runtime_handler handler,
                              void *argument, struct error *error);

/* Tells Lambda that the function cannot start, and why. */
bool lambda_runtime_report_init_error(struct lambda_runtime *lambda, const char *type,
                                      const char *message, struct error *error);
