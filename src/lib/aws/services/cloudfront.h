/* cloudfront.h: invalidations of a CloudFront distribution, for commands. Source: Amazon CloudFront
 * API Reference, version 2020-05-31. */
#pragma once

#include "lib/aws/aws_session.h"

enum { CLOUDFRONT_ID_SIZE = 64 };

struct cloudfront_invalidation {
  const char *distribution;
  const char *caller_reference; /* the same one with the same paths is not paid for twice */
  const char *const *paths;     /* encoded, each beginning with '/' */
  size_t count;
  uint64_t deadline_ms;
};

struct cloudfront_answer {
  char code[AWS_CODE_SIZE]; /* the service's error code; "": none */
  char id[CLOUDFRONT_ID_SIZE];
  bool completed; /* false: in progress */
};

/* Creates an invalidation and waits for the answer, not for the end of the invalidation. The code
 * is set after a failure too. Errors: those of aws_client_call(), UNAVAILABLE for an answer that
 * cannot be read. */
bool cloudfront_invalidate(const struct aws_session *session,
                           const struct cloudfront_invalidation *invalidation,
                           struct cloudfront_answer *ret_answer, struct error *error);

/* Asks how far an invalidation is, in the same way. */
bool cloudfront_get(const struct aws_session *session, const char *distribution, const char *id,
                    uint64_t deadline_ms, struct cloudfront_answer *ret_answer,
                    struct error *error);
