/* aws_try.h: a request to a service of AWS, prepared once from copies, signed and sent for each
 * try. Inside of the room only, but for what a caller of aws_client_call() fills in. */
#pragma once

#include "lib/aws/credentials/aws_credentials.h"
#include "lib/aws/endpoint.h"
#include "lib/aws/sigv4.h"
#include "lib/fetch/fetch.h"

/* A request as its caller gives it. */
struct aws_request {
  enum aws_service service;
  const char *method;    /* NULL: POST */
  const char *operation; /* of the JSON services: "PutItem", "ListUsers"; NULL: a REST request */
  const char *table;     /* of DynamoDB: what the span says of it; NULL: nothing */
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

  /* True: the operation is idempotent, so a try without an answer (reset, timeout, 5xx) is followed
   * by another. What the service throttled was not done and is tried again anyway. */
  bool repeatable;

  /* What the call is done for, passed on with each try; copied, but for its state, which stays
   * until `done`. NULL: nothing. */
  const struct trace_context *trace;
};

enum { AWS_WHAT_SIZE = 80, AWS_METHOD_SIZE = 16 };

/* What is sent, the same for each try. */
struct aws_prepared {
  const struct endpoint_service *service;
  const struct endpoint *endpoint;
  const char *region;       /* of the signature */
  char what[AWS_WHAT_SIZE]; /* for people: "DynamoDB PutItem" */
  char method[AWS_METHOD_SIZE];
  struct endpoint_location location;
  char *texts; /* what `query` and `headers` are slices of */
  struct sigv4_parameter *query;
  size_t query_count;
  struct sigv4_header *headers;
  size_t header_count;
  struct buffer body_copy;
  struct str body;
  size_t response_limit;
};

/* One try: with which keys, and how long it may take. */
struct aws_try {
  struct fetcher *fetcher;
  const struct aws_credentials *credentials; /* NULL: the request is not signed */
  uint64_t timeout_ms;
  const struct trace_context *trace; /* passed on; NULL: none */
  fetch_done done;
  void *argument;
};

/* Prepares `request` for `endpoint`; both `endpoint` and `region` (that of the service's endpoint)
 * must outlive what is prepared. After a failure, of memory alone, there is nothing to free. */
bool aws_try_prepare(struct aws_prepared *prepared, const struct aws_request *request,
                     const struct endpoint *endpoint, const char *region, struct error *error);

/* Signs and sends it once. `prepared` must stay until `done`, which is called as fetch_start()
 * does. Errors: UNAVAILABLE (no more exchanges can start), those of sigv4_sign(). */
bool aws_try_send(const struct aws_prepared *prepared, const struct aws_try *one,
                  struct error *error);

/* Turns the request to another region of its service. False when memory is out. */
bool aws_try_move(struct aws_prepared *prepared, const struct endpoint *endpoint,
                  const char *region);

void aws_try_free(struct aws_prepared *prepared);
