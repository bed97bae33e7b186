/* dynamodb.h: DynamoDB: for the server an operation by name, JSON in and out, with a callback; for
 * commands, which use aws_session_json(), the loop that a batch of writes needs. */
#pragma once

#include "lib/aws/aws_session.h"

#include <jansson.h>

enum {
  DYNAMODB_BATCH_WRITE_LIMIT = 25, /* requests in one BatchWriteItem, the service's bound */
  DYNAMODB_RESPONSE_LIMIT = 32 * 1024 * 1024, /* a page has 1 MiB of items, before JSON */
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
 * `done` and the result are as in aws_client_call(). */
bool dynamodb_call(struct aws_client *client, const char *operation, const json_t *input,
                   const struct dynamodb_bounds *bounds, dynamodb_done done, void *argument);

/* Writes `requests`, an array of at most DYNAMODB_BATCH_WRITE_LIMIT PutRequest and DeleteRequest
 * objects, to one table (BatchWriteItem), and waits. What the service leaves unprocessed is sent
 * again, with full-jitter pauses, until all is done or the deadline passes (UNAVAILABLE: some may
 * be done). */
bool dynamodb_batch_write(const struct aws_session *session, const char *table, json_t *requests,
                          const struct dynamodb_bounds *bounds, struct error *error);

/* Makes `input`, that of a Query, a Scan or a ListTables, ask for the page that follows `output`,
 * and sets `*ret_more`; false in it: that was the last page, and `input` is as it was. Fails when a
 * page ends where it began (UNAVAILABLE), or memory is out. */
bool dynamodb_turn_page(json_t *input, const json_t *output, bool *ret_more, struct error *error);

/* Attribute values. */

/* {"S": text}; NULL when memory is out or `text` is not UTF-8. The caller's. */
json_t *dynamodb_string(struct str text);

/* The text of the string attribute `name` of an item, borrowed from it; data is NULL when there is
 * none. */
struct str dynamodb_item_string(const json_t *item, const char *name);
