/* client.h: signed requests to AWS services over the loop's outgoing HTTP: endpoints, deadlines,
 * retries, error codes. One client a loop; connections are kept and used again. */
#pragma once

#include "lib/aws/credentials.h"
#include "lib/aws/sigv4.h"
#include "lib/base/config.h"
#include "lib/base/error.h"
#include "lib/fetch/fetch.h"
#include "lib/loop/loop.h"

enum aws_service {
  AWS_DYNAMODB,
  AWS_COGNITO,
  AWS_S3,
  AWS_CLOUDFRONT,
  AWS_PARAMETER_STORE,
  AWS_SERVICE_COUNT
};

struct aws_client;

/* Makes a client on `loop`, which may be another than the provider's. `config` was loaded with
 * CONFIG_AWS and must outlive the client. Fails as ERROR_INVALID for a bad endpoint setting, or
 * without a region (AWS_DEFAULT_REGION, AWS_REGION, or the profile's). */
struct aws_client *aws_client_new(struct loop *loop, struct aws_provider *provider,
                                  const struct config *config, struct error *error);

/* Ends what is under way (each `done` gets an error), closes the handles; freed when the loop let
 * go of them. Before the loop's inbox is closed. Takes NULL. */
void aws_client_close(struct aws_client *client);

/* Records a span for each call below a sampled parent from now on; `sink` may be NULL. */
void aws_client_trace(struct aws_client *client, struct span_sink *sink);

const char *aws_client_region(const struct aws_client *client);

struct aws_request {
  enum aws_service service;
  const char *method;    /* NULL: POST */
  const char *operation; /* of the JSON services: "PutItem", "ListUsers"; NULL: a REST request */
  struct str bucket;     /* of S3; empty: none (ListBuckets) */
  struct str path;       /* not encoded, begins with '/'; empty: "/". For S3 '/' and the key */
  const struct sigv4_parameter *query; /* not encoded */
  size_t query_count;
  const struct sigv4_header *headers; /* more headers, signed as well */
  size_t header_count;
  struct str body;
  bool body_borrowed; /* `body` stays until `done`, and is not copied: for files in memory */

  uint64_t deadline_ms; /* from the call to `done`: credentials, all tries and the pauses between */
  uint64_t pause_ms;    /* before the first try, within the deadline */
  uint64_t try_timeout_ms; /* of one try; 0: what is left of the deadline */
  size_t response_limit;   /* bytes of the answer's body; 0: 1 MiB */

  /* True: doing it twice is as good as once, so that a try without an answer (reset, timeout, 5xx)
   * is followed by another. What the service throttled was not done and is tried again anyway. */
  bool repeatable;

  /* What the call is done for, passed on with each try; copied, but for its state, which stays
   * until `done`. NULL: nothing. */
  const struct trace_context *trace;
};

/* Borrowed by the callback for the time of the call. */
struct aws_response {
  int status;                /* of the last answer; 0: there was none */
  struct str body;           /* of the last answer, of an error too */
  const struct error *error; /* NULL: status 2xx */
  const char *code; /* the service's error code ("ConditionalCheckFailedException"); "": none */
  unsigned tries;   /* requests sent, 0: none; more than 1: an earlier one may have been done */
  const struct fetch_response *answer; /* for aws_response_header(); NULL: there was none */
};

/* A header of the answer, trimmed; empty: there is none. */
struct str aws_response_header(const struct aws_response *response, struct str name);

typedef void (*aws_done)(const struct aws_response *response, void *argument);

/* Starts a call; everything in `request` is copied but for a borrowed body. Calls `done` exactly
 * once, on the loop, within the deadline, never from inside this call. Fails (and never calls
 * `done`) as MEMORY, or as UNAVAILABLE when the client is closing or has too many calls under way.
 *
 * Kinds of error that `done` is told: UNAVAILABLE (no answer in time, 5xx, throttled to the end, no
 * credentials in time), DENIED (no credentials at all, or they were refused), NOT_FOUND, CONFLICT
 * (a condition failed: 409, 412, ConditionalCheckFailedException), INVALID (other 4xx), MEMORY
 * (over a bound).
 *
 * A kept connection that dies before a byte of the answer came is replaced below this level without
 * being counted in `tries`: a conditional write that conflicts may have met its own first try. */
bool aws_call(struct aws_client *client, const struct aws_request *request, aws_done done,
              void *argument, struct error *error);
