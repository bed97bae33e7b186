/* dynamodb.h: DynamoDB's operations by name, JSON in and out, and the loops that its batches need.
 */
#pragma once

#include "lib/aws/client.h"

#include <jansson.h>

enum {
  DYNAMODB_BATCH_WRITE_LIMIT = 25, /* requests in one BatchWriteItem, the service's bound */
  DYNAMODB_BATCH_GET_LIMIT = 100,  /* keys in one BatchGetItem, the service's bound */
};

/* The bounds of a call, as in struct aws_request. */
struct dynamodb_bounds {
  uint64_t deadline_ms;
  uint64_t try_timeout_ms;
  bool repeatable; /* reads are; writes whose keys and values are fixed, too */
  const struct trace_context *trace;
};

/* Borrowed by the callback for the time of the call. */
struct dynamodb_answer {
  json_t *body;              /* the operation's output, an object; NULL after an error */
  const struct error *error; /* NULL: done */
  const char *code;          /* as in struct aws_response, without what stands before a '#' */
  unsigned tries;
};

typedef void (*dynamodb_done)(const struct dynamodb_answer *answer, void *argument);

/* Calls `operation` ("Query", "PutItem", …) with `input`, which is written out before this returns.
 * `done` and the result are as in aws_call(). */
bool dynamodb_call(struct aws_client *client, const char *operation, const json_t *input,
                   const struct dynamodb_bounds *bounds, dynamodb_done done, void *argument);

/* BatchWriteItem of `requests`, an array of at most DYNAMODB_BATCH_WRITE_LIMIT PutRequest and
 * DeleteRequest objects, on one table. What the service leaves unprocessed is sent again, with
 * full-jitter pauses, until all is done or the deadline passes (UNAVAILABLE: some may be done). The
 * answer's body is the last output. */
bool dynamodb_batch_write(struct aws_client *client, const char *table, json_t *requests,
                          const struct dynamodb_bounds *bounds, dynamodb_done done, void *argument);

/* BatchGetItem of `keys`, an array of at most DYNAMODB_BATCH_GET_LIMIT key objects, on one table,
 * with unprocessed keys asked for again in the same way. The answer's body is {"Items": […]}, in no
 * order; keys without an item are missing. */
bool dynamodb_batch_get(struct aws_client *client, const char *table, json_t *keys, bool consistent,
                        const struct dynamodb_bounds *bounds, dynamodb_done done, void *argument);

/* Attribute values. */

/* {"S": text}; NULL when memory is out or `text` is not UTF-8. The caller's. */
json_t *dynamodb_string(struct str text);

/* The text of the string attribute `name` of an item, borrowed from it; data is NULL when there is
 * none. */
struct str dynamodb_item_string(const json_t *item, const char *name);
