/* dynamodb.c: see dynamodb.h. */
#include "lib/aws/dynamodb.h"

#include "lib/aws/call.h"
#include "lib/base/random.h"

#include <assert.h>
#include <stdlib.h>

enum {
  RESPONSE_LIMIT = 32 * 1024 * 1024, /* BatchGetItem answers 16 MiB of items at most */
  PAUSE_BASE_MS = 50,
  PAUSE_CAP_MS = 1000,
};

struct operation {
  dynamodb_done done;
  void *argument;
};

static void on_response(const struct aws_response *response, void *argument) {
  struct operation *operation = argument;
  struct dynamodb_answer answer = {
      .error = response->error, .code = response->code, .tries = response->tries};
  struct error error;
  if (!response->error) {
    struct str body = response->body;
    answer.body = json_loadb(body.data ? body.data : "", body.length, JSON_ALLOW_NUL, NULL);
    if (!json_is_object(answer.body)) {
      json_decref(answer.body);
      answer.body = NULL;
      answer.error = &error;
      error_set(&error, ERROR_INTERNAL, "DynamoDB's answer is no JSON object");
    }
  }
  operation->done(&answer, operation->argument);
  json_decref(answer.body);
  free(operation);
}

static bool start(struct aws_client *client, const char *name, const json_t *input,
                  const struct dynamodb_bounds *bounds, uint64_t pause_ms, dynamodb_done done,
                  void *argument) {
  struct operation *operation = malloc(sizeof(*operation));
  char *text = json_dumps(input, JSON_COMPACT);
  bool started = false;
  if (operation && text) {
    *operation = (struct operation){done, argument};
    struct aws_request request = {
        .service = AWS_DYNAMODB,
        .operation = name,
        .body = str_from(text),
        .deadline_ms = bounds->deadline_ms,
        .pause_ms = pause_ms,
        .try_timeout_ms = bounds->try_timeout_ms,
        .response_limit = RESPONSE_LIMIT,
        .repeatable = bounds->repeatable,
        .trace = bounds->trace,
    };
    started = aws_call(client, &request, on_response, operation);
  }
  free(text);
  if (!started) free(operation);
  return started;
}

bool dynamodb_call(struct aws_client *client, const char *operation, const json_t *input,
                   const struct dynamodb_bounds *bounds, dynamodb_done done, void *argument) {
  return start(client, operation, input, bounds, 0, done, argument);
}

/* Batches: what the service leaves undone is sent again until nothing is left. */

struct batch {
  struct aws_client *client;
  const char *operation; /* BatchWriteItem or BatchGetItem */
  char *table;
  json_t *left;  /* requests or keys that are not done */
  json_t *items; /* of BatchGetItem, so far; NULL when it writes */
  bool consistent;
  struct dynamodb_bounds bounds;
  uint64_t due_ms;
  unsigned rounds;
  unsigned tries;
  dynamodb_done done;
  void *argument;
};

static void batch_free(struct batch *batch) {
  json_decref(batch->left);
  json_decref(batch->items);
  free(batch->table);
  free(batch);
}

static void batch_finish(struct batch *batch, struct dynamodb_answer *answer) {
  answer->tries = batch->tries;
  if (!answer->code) answer->code = "";
  batch->done(answer, batch->argument);
  batch_free(batch);
}

static void batch_fail(struct batch *batch, enum error_kind kind, const char *sentence) {
  struct error error;
  error_set(&error, kind, "DynamoDB %s: %s", batch->operation, sentence);
  struct dynamodb_answer answer = {.error = &error};
  batch_finish(batch, &answer);
}

/* The input of the next round; NULL when memory is out. */
static json_t *batch_input(const struct batch *batch) {
  if (!batch->items) return json_pack("{s:{s:O}}", "RequestItems", batch->table, batch->left);
  return json_pack("{s:{s:{s:O,s:b}}}", "RequestItems", batch->table, "Keys", batch->left,
                   "ConsistentRead", batch->consistent);
}

static void on_round(const struct dynamodb_answer *answer, void *argument);

static bool start_round(struct batch *batch, uint64_t pause_ms) {
  json_t *input = batch_input(batch);
  uint64_t now_ms = loop_now_ms(batch->client->loop);
  struct dynamodb_bounds bounds = batch->bounds;
  bounds.deadline_ms = batch->due_ms > now_ms ? batch->due_ms - now_ms : 0;
  bool started =
      input && start(batch->client, batch->operation, input, &bounds, pause_ms, on_round, batch);
  json_decref(input);
  return started;
}

/* What an output leaves undone; NULL: nothing. Borrowed from it. */
static json_t *unprocessed(const struct batch *batch, const json_t *output) {
  if (!batch->items)
    return json_object_get(json_object_get(output, "UnprocessedItems"), batch->table);
  const json_t *tables = json_object_get(output, "UnprocessedKeys");
  return json_object_get(json_object_get(tables, batch->table), "Keys");
}

static void batch_done(struct batch *batch, json_t *output) {
  struct dynamodb_answer answer = {.body = output};
  json_t *body = batch->items ? json_pack("{s:O}", "Items", batch->items) : NULL;
  if (batch->items && !body) {
    batch_fail(batch, ERROR_MEMORY, "out of memory");
    return;
  }
  if (body) answer.body = body;
  batch_finish(batch, &answer);
  json_decref(body);
}

static void send_rest(struct batch *batch, json_t *rest) {
  if (json_array_size(rest) > json_array_size(batch->left)) {
    batch_fail(batch, ERROR_INTERNAL, "more is left undone than was asked for");
    return;
  }
  json_decref(batch->left);
  batch->left = json_incref(rest);
  uint64_t pause_ms = 1 + random_backoff_ms(batch->rounds++, PAUSE_BASE_MS, PAUSE_CAP_MS);
  if (loop_now_ms(batch->client->loop) + pause_ms >= batch->due_ms)
    batch_fail(batch, ERROR_UNAVAILABLE, "throttled: parts of it were not done in time");
  else if (!start_round(batch, pause_ms))
    batch_fail(batch, ERROR_UNAVAILABLE, "parts of it were not done: no more requests can start");
}

static void on_round(const struct dynamodb_answer *answer, void *argument) {
  struct batch *batch = argument;
  batch->tries += answer->tries;
  if (answer->error) {
    struct dynamodb_answer copy = *answer;
    batch_finish(batch, &copy);
    return;
  }
  if (batch->items) {
    json_t *found = json_object_get(json_object_get(answer->body, "Responses"), batch->table);
    if (json_is_array(found) && json_array_extend(batch->items, found) != 0) {
      batch_fail(batch, ERROR_MEMORY, "out of memory");
      return;
    }
  }
  json_t *rest = unprocessed(batch, answer->body);
  if (json_array_size(rest) > 0)
    send_rest(batch, rest);
  else
    batch_done(batch, answer->body);
}

/* Takes over `batch`, whose fields are set. */
static bool start_batch(struct batch *batch) {
  if (batch->table && batch->left && start_round(batch, 0)) return true;
  batch_free(batch);
  return false;
}

static struct batch *batch_new(struct aws_client *client, const char *table, json_t *left,
                               const struct dynamodb_bounds *bounds, dynamodb_done done,
                               void *argument) {
  struct batch *batch = calloc(1, sizeof(*batch));
  if (!batch) return NULL;
  batch->client = client;
  batch->table = strdup(table);
  batch->left = json_incref(left);
  batch->bounds = *bounds;
  batch->due_ms = loop_now_ms(client->loop) + bounds->deadline_ms;
  batch->done = done;
  batch->argument = argument;
  return batch;
}

bool dynamodb_batch_write(struct aws_client *client, const char *table, json_t *requests,
                          const struct dynamodb_bounds *bounds, dynamodb_done done,
                          void *argument) {
  size_t count = json_array_size(requests);
  assert(count > 0 && count <= DYNAMODB_BATCH_WRITE_LIMIT);
  struct batch *batch = batch_new(client, table, requests, bounds, done, argument);
  if (!batch) return false;
  batch->operation = "BatchWriteItem";
  return start_batch(batch);
}

bool dynamodb_batch_get(struct aws_client *client, const char *table, json_t *keys, bool consistent,
                        const struct dynamodb_bounds *bounds, dynamodb_done done, void *argument) {
  size_t count = json_array_size(keys);
  assert(count > 0 && count <= DYNAMODB_BATCH_GET_LIMIT);
  struct batch *batch = batch_new(client, table, keys, bounds, done, argument);
  if (!batch) return false;
  batch->operation = "BatchGetItem";
  batch->consistent = consistent;
  batch->bounds.repeatable = true;
  batch->items = json_array();
  if (!batch->items) {
    batch_free(batch);
    return false;
  }
  return start_batch(batch);
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
