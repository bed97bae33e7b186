/* aws_client.h: signed requests to AWS services over the loop's outgoing HTTP: endpoints,
 * deadlines, retries, error codes. One client a loop; connections are kept and used again. */
#pragma once

#include "lib/aws/aws_try.h"
#include "lib/aws/credentials/aws_provider.h"
#include "lib/base/config.h"

#include <jansson.h>

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

/* The region of the bucket that S3 was last asked about, where S3 said that it is another than that
 * of the settings; "" otherwise. Requests to S3 follow it from then on. */
const char *aws_client_moved_region(const struct aws_client *client);

/* Asked before each try of each call; false, with an error: it is not sent, and the call ends with
 * that error. */
typedef bool (*aws_gate)(void *argument, struct error *error);

/* Asks `gate` from now on; NULL: nobody. */
void aws_client_set_gate(struct aws_client *client, aws_gate gate, void *argument);

/* Borrowed by the callback for the time of the call. */
struct aws_response {
  int status;                /* of the last answer; 0: there was none */
  struct str body;           /* of the last answer, of an error too */
  json_t *output;            /* of a JSON service: an object; NULL after an error */
  const struct error *error; /* NULL: status 2xx, and a whole answer */
  const char *code; /* the service's error code ("ConditionalCheckFailedException"); "": none */
  unsigned tries;   /* requests sent, 0: none; more than 1: an earlier one may have been done */
  const struct fetch_response *answer; /* for aws_client_response_header(); NULL: there was none */
};

/* A header of the answer, trimmed; empty: there is none. */
struct str aws_client_response_header(const struct aws_response *response, struct str name);

typedef void (*aws_done)(const struct aws_response *response, void *argument);

/* Starts a call; everything in `request` is copied but for a borrowed body. Calls `done` exactly
 * once, on the loop, within the deadline, never from inside this call. Fails (and never calls
 * `done`) as MEMORY, or as UNAVAILABLE when the client is closing or has too many calls under way.
 *
 * Kinds of error that `done` is told: UNAVAILABLE (no answer in time, one that was damaged on its
 * way or is not the service's, 5xx, throttled to the end, no credentials in time), DENIED (no
 * credentials at all, or they were refused), NOT_FOUND, CONFLICT (a condition failed: 409, 412,
 * ConditionalCheckFailedException), INVALID (other 4xx), MEMORY (over a bound).
 *
 * A kept connection that dies before a byte of the answer came is replaced below this level without
 * being counted in `tries`: a conditional write that conflicts may have met its own first try. */
bool aws_client_call(struct aws_client *client, const struct aws_request *request, aws_done done,
                     void *argument, struct error *error);
