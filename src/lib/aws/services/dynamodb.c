/* dynamodb.c: see dynamodb.h. */
#include "lib/aws/services/dynamodb.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"

#include <assert.h>
#include <stdlib.h>

enum {
  PAUSE_BASE_MS = 50,
  PAUSE_CAP_MS = 1000,
};

struct dynamodb_operation {
  dynamodb_done done;
  void *argument;
};

static void on_response(const struct aws_response *response, void *argument) {
  struct dynamodb_operation *operation = argument;
  struct dynamodb_answer answer = {.body = response->output,
                                   .error = response->error,
                                   .code = response->code,
                                   .tries = response->tries};
  operation->done(&answer, operation->argument);
  free(operation);
}

static struct aws_request request_of(const char *operation, const struct dynamodb_bounds *bounds) {
  return (struct aws_request){.service = AWS_DYNAMODB,
                              .operation = operation,
                              .deadline_ms = bounds->deadline_ms,
                              .try_timeout_ms = bounds->try_timeout_ms,
                              .response_limit = DYNAMODB_RESPONSE_LIMIT,
                              .repeatable = bounds->repeatable,
                              .trace = bounds->trace};
}

/* The table that `input` is about; NULL where it names none. */
static const char *table_of(const json_t *input) {
  const char *name = json_string_value(json_object_get(input, "TableName"));
  return name ? name
              : json_object_iter_key(json_object_iter(json_object_get(input, "RequestItems")));
}

bool dynamodb_call(struct aws_client *client, const char *operation, const json_t *input,
                   const struct dynamodb_bounds *bounds, dynamodb_done done, void *argument) {
  struct dynamodb_operation *call = malloc(sizeof(*call));
  _cleanup_free_ char *text = json_dumps(input, JSON_COMPACT);
  struct aws_request request = request_of(operation, bounds);
  request.body = str_from(text);
  request.table = table_of(input);
  if (call) *call = (struct dynamodb_operation){done, argument};
  if (call && text && aws_client_call(client, &request, on_response, call, NULL)) return true;
  free(call);
  return false;
}

/* Batches. */

/* Sends `requests` after a pause. What the service leaves undone comes back in `*ret_rest`, the
 * caller's; NULL: nothing. */
static bool write_round(const struct aws_session *session, const char *table, json_t *requests,
                        const struct aws_request *call, json_t **ret_rest, struct error *error) {
  json_t *input = json_pack("{s:{s:O}}", "RequestItems", table, requests);
  json_t *output = aws_session_json(session, call, input, error);
  if (!output) return false;
  json_t *rest = json_object_get(json_object_get(output, "UnprocessedItems"), table);
  bool sane = json_array_size(rest) <= json_array_size(requests);
  *ret_rest = sane && json_array_size(rest) > 0 ? json_incref(rest) : NULL;
  json_decref(output);
  return sane || error_set(error, ERROR_INTERNAL,
                           "DynamoDB BatchWriteItem: more is left undone than was asked for");
}

bool dynamodb_batch_write(const struct aws_session *session, const char *table, json_t *requests,
                          const struct dynamodb_bounds *bounds, struct error *error) {
  assert(json_array_size(requests) > 0);
  assert(json_array_size(requests) <= DYNAMODB_BATCH_WRITE_LIMIT);
  uint64_t due_ms = clock_monotonic_us() / 1000 + bounds->deadline_ms;
  struct aws_request call = request_of("BatchWriteItem", bounds);
  json_t *left = json_incref(requests);
  bool done = true;
  for (unsigned round = 0; done && left; round++) {
    uint64_t now_ms = clock_monotonic_us() / 1000;
    call.pause_ms = round > 0 ? 1 + random_backoff_ms(round - 1, PAUSE_BASE_MS, PAUSE_CAP_MS) : 0;
    call.deadline_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    json_t *rest = NULL;
    done = call.pause_ms < call.deadline_ms
               ? write_round(session, table, left, &call, &rest, error)
               : error_set(error, ERROR_UNAVAILABLE,
                           "DynamoDB BatchWriteItem: throttled: parts of it were not done in time");
    json_decref(left);
    left = rest;
  }
  return done;
}

/* Pages. */

/* Nothing, null and an empty key all mean the end of the list. */
static bool is_place(const json_t *last) {
  return json_object_size(last) > 0 || json_string_length(last) > 0;
}

bool dynamodb_turn_page(json_t *input, const json_t *output, bool *ret_more, struct error *error) {
  bool of_tables = json_object_get(output, "LastEvaluatedTableName") != NULL;
  const char *start = of_tables ? "ExclusiveStartTableName" : "ExclusiveStartKey";
  json_t *last = json_object_get(output, of_tables ? "LastEvaluatedTableName" : "LastEvaluatedKey");
  bool more = is_place(last);
  if (more && json_equal(last, json_object_get(input, start)))
    return error_set(error, ERROR_UNAVAILABLE,
                     "DynamoDB's list does not advance: a page ends where it began");
  if (more && json_object_set(input, start, last) != 0)
    return error_set(error, ERROR_MEMORY, "out of memory for a page of DynamoDB");
  *ret_more = more;
  return true;
}

/* Attribute values. */

json_t *dynamodb_string(struct str text) {
  json_t *value = json_stringn(text.data ? text.data : "", text.length);
  return value ? json_pack("{s:o}", "S", value) : NULL;
}

struct str dynamodb_item_string(const json_t *item, const char *name) {
  const json_t *value = json_object_get(json_object_get(item, name), "S");
  if (!json_is_string(value)) return (struct str){NULL, 0};
  return (struct str){json_string_value(value), json_string_length(value)};
}
