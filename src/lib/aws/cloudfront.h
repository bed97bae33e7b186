/* cloudfront.h: invalidations of a CloudFront distribution. Source: Amazon CloudFront API
 * Reference, version 2020-05-31. */
#pragma once

#include "lib/aws/client.h"

enum { CLOUDFRONT_ID_SIZE = 64 };

struct cloudfront_invalidation {
  const char *distribution;
  const char *caller_reference; /* the same one with the same paths is not paid for twice */
  const char *const *paths;     /* encoded, each beginning with '/' */
  size_t count;
  uint64_t deadline_ms;
};

/* Borrowed by the callback for the time of the call. */
struct cloudfront_answer {
  const struct error *error; /* NULL: done */
  const char *code;          /* the service's error code; "": none */
  char id[CLOUDFRONT_ID_SIZE];
  bool completed; /* false: in progress */
};

typedef void (*cloudfront_done)(const struct cloudfront_answer *answer, void *argument);

/* Creates an invalidation. `done` and the result are as in aws_call(). */
bool cloudfront_invalidate(struct aws_client *client,
                           const struct cloudfront_invalidation *invalidation, cloudfront_done done,
                           void *argument);

/* Asks how far an invalidation is. */
bool cloudfront_get(struct aws_client *client, const char *distribution, const char *id,
                    uint64_t deadline_ms, cloudfront_done done, void *argument);
