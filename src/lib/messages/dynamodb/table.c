/* table.c: requests to the DynamoDB table of messages: items, keys, queries page by page.
 *
 * A query lives from table_query() until its `done` was called, on the loop's thread; it owns its
 * input and the items that it has read. One request of it is under way at a time. The AWS client
 * answers each request exactly once, also when it closes, and so every query ends. */
#include "lib/messages/dynamodb/table.h"

#include <assert.h>
#include <stdlib.h>

enum { PAGES_LIMIT = 100 }; /* of a megabyte each */

struct table_query {
  const struct table_session *session;
  json_t *input, *items; /* owned */
  unsigned pages;
  bool (*enough)(const json_t *items, void *argument);
  table_query_done done;
  void *argument;
};

static const char CONDITION_IS_OF_GROUP[] = "message_group_uuid = :group";
static const char CONDITION_FREE_OR_OF_GROUP[] =
    "attribute_not_exists(pk) OR message_group_uuid = :group";

void table_format_id(const struct uuid *uuid, char id[TABLE_ID_SIZE]) {
  uuid_format(uuid->bytes, id);
  id[UUID_TEXT_LENGTH] = '\0';
}

/* --- Requests --- */

static void answer_unsent(dynamodb_done done, void *argument, enum error_kind kind,
                          const char *reason) {
  struct error error = {0};
  error_set(&error, kind, "%s", reason);
  done(&(struct dynamodb_answer){.error = &error, .code = ""}, argument);
}

void table_request(const struct table_session *session, const char *operation, json_t *input,
                   dynamodb_done done, void *argument) {
  uint64_t now_ms = loop_now_ms(session->loop);
  bool built = input && json_object_set_new(input, "TableName", json_string(session->table)) == 0;
  if (!built) {
    answer_unsent(done, argument, ERROR_MEMORY, "out of memory for a request to DynamoDB");
  } else if (now_ms >= session->due_ms) {
    answer_unsent(done, argument, ERROR_UNAVAILABLE, "no time is left for a request to DynamoDB");
  } else {
    struct dynamodb_bounds bounds = {.deadline_ms = session->due_ms - now_ms,
                                     .try_timeout_ms = session->try_timeout_ms,
                                     .repeatable = true,
                                     .trace = session->trace};
    if (!dynamodb_call(session->client, operation, input, &bounds, done, argument))
      answer_unsent(done, argument, ERROR_UNAVAILABLE, "DynamoDB takes no more requests");
  }
  json_decref(input);
}

/* --- Inputs --- */

/* A key of another form would be written beside the messages, and never be read again. */
static bool is_partition(const char *prefix, const char *id) {
  return (strcmp(prefix, "MSG") == 0 || strcmp(prefix, "GRP") == 0) &&
         strlen(id) == UUID_TEXT_LENGTH;
}

static json_t *key_of(const char *prefix, const char *id, struct str sk) {
  assert(is_partition(prefix, id));
  return json_pack("{s:{s:s++}, s:{s:s%}}", "pk", "S", prefix, "#", id, "sk", "S", sk.data,
                   sk.length);
}

json_t *table_query_input(const char *prefix, const char *id) {
  assert(is_partition(prefix, id));
  return json_pack("{s:s, s:{s:{s:s++}}, s:b, s:b}", "KeyConditionExpression", "pk = :pk",
                   "ExpressionAttributeValues", ":pk", "S", prefix, "#", id, "ScanIndexForward", 0,
                   "ConsistentRead", 1);
}

void table_query_filter(json_t *input, const char *name, const char *id) {
  char filter[64];
  snprintf(filter, sizeof(filter), "%s = :wanted", name);
  json_object_set_new(input, "FilterExpression", json_string(filter));
  json_object_set_new(json_object_get(input, "ExpressionAttributeValues"), ":wanted",
                      json_pack("{s:s}", "S", id));
}

void table_query_until(json_t *input, const char *sk) {
  json_object_set_new(input, "KeyConditionExpression", json_string("pk = :pk AND sk < :until"));
  json_object_set_new(json_object_get(input, "ExpressionAttributeValues"), ":until",
                      json_pack("{s:s}", "S", sk));
}

json_t *table_get_input(const char *prefix, const char *id, struct str sk) {
  return json_pack("{s:o, s:b}", "Key", key_of(prefix, id, sk), "ConsistentRead", 1);
}

json_t *table_delete_group_input(const char *member_id, const char *group_id, struct str sk) {
  return json_pack("{s:o, s:s, s:{s:{s:s}}}", "Key", key_of("GRP", member_id, sk),
                   "ConditionExpression", CONDITION_IS_OF_GROUP, "ExpressionAttributeValues",
                   ":group", "S", group_id);
}

static void set_text(json_t *item, const char *name, struct str text) {
  if (text.data) json_object_set_new(item, name, dynamodb_string(text));
}

static void set_person(json_t *item, const struct person *person) {
  set_text(item, "user_uuid", str_from(person->id));
  set_text(item, "user_display_name", str_from(person->display_name));
  set_text(item, "user_handle", str_from(person->handle));
}

json_t *table_put_group_input(const char *member_id, const char *group_id,
                              const struct person *other, struct str sk, struct str message) {
  json_t *item = key_of("GRP", member_id, sk);
  set_text(item, "message_group_uuid", str_from(group_id));
  set_text(item, "message", message);
  set_person(item, other);
  return json_pack("{s:o, s:s, s:{s:{s:s}}}", "Item", item, "ConditionExpression",
                   CONDITION_FREE_OR_OF_GROUP, "ExpressionAttributeValues", ":group", "S",
                   group_id);
}

json_t *table_put_message_input(const char *group_id, const struct person *sender,
                                const char *message_id, struct str sk, struct str message) {
  json_t *item = key_of("MSG", group_id, sk);
  set_text(item, "message", message);
  set_text(item, "message_uuid", str_from(message_id));
  set_person(item, sender);
  return json_pack("{s:o, s:s}", "Item", item, "ConditionExpression", "attribute_not_exists(pk)");
}

/* --- Queries --- */

static void query_end(struct table_query *query, const struct error *error) {
  query->done(error ? NULL : query->items, error, query->argument);
  json_decref(query->input);
  json_decref(query->items);
  free(query);
}

static void query_send(struct table_query *query);

/* Takes the items of a page. True: another page is wanted. */
static bool take_page(struct table_query *query, const struct dynamodb_answer *answer,
                      struct error *error) {
  bool more = false;
  if (answer->error) {
    *error = *answer->error;
    return false;
  }
  if (json_array_extend(query->items, json_object_get(answer->body, "Items")) != 0)
    return error_set(error, ERROR_UNAVAILABLE, "a page of DynamoDB has no items");
  if (query->enough && query->enough(query->items, query->argument)) return false;
  if (!dynamodb_turn_page(query->input, answer->body, &more, error) || !more) return false;
  return ++query->pages < PAGES_LIMIT ||
         error_set(error, ERROR_UNAVAILABLE, "a query of DynamoDB has more than %d pages",
                   PAGES_LIMIT);
}

static void on_page(const struct dynamodb_answer *answer, void *argument) {
  struct table_query *query = argument;
  struct error error = {0};
  if (take_page(query, answer, &error)) {
    json_object_del(query->input, "Limit");
    query_send(query);
  } else {
    query_end(query, error.kind != ERROR_NONE ? &error : NULL);
  }
}

/* The input is kept for the pages that follow. */
static void query_send(struct table_query *query) {
  table_request(query->session, "Query", json_incref(query->input), on_page, query);
}

void table_query(const struct table_session *session, json_t *input, int limit,
                 bool (*enough)(const json_t *items, void *argument), table_query_done done,
                 void *argument) {
  struct table_query *query = calloc(1, sizeof(*query));
  json_t *items = json_array();
  if (!query || !items || !input) {
    struct error error = {0};
    error_set(&error, ERROR_MEMORY, "out of memory for a query of DynamoDB");
    done(NULL, &error, argument);
    json_decref(input);
    json_decref(items);
    free(query);
    return;
  }
  *query = (struct table_query){.session = session,
                                .input = input,
                                .items = items,
                                .enough = enough,
                                .done = done,
                                .argument = argument};
  if (limit > 0) json_object_set_new(input, "Limit", json_integer(limit));
  query_send(query);
}
