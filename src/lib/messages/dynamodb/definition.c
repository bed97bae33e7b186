/* definition.c: the DynamoDB table of messages as it is made, and a conversation to put into it. */
#include "lib/messages/dynamodb/definition.h"

#include "lib/messages/dynamodb/group_id.h"
#include "lib/messages/dynamodb/moment.h"

#include <stdio.h>

static const char INDEX_NAME[] = "message-group-sk-index";

static json_t *key_schema(const char *hash) {
  return json_pack("[{s:s, s:s}, {s:s, s:s}]", "AttributeName", hash, "KeyType", "HASH",
                   "AttributeName", "sk", "KeyType", "RANGE");
}

json_t *definition_create_input(const char *table) {
  return json_pack(
      "{s:s, s:s, s:o, s:[{s:s, s:s}, {s:s, s:s}, {s:s, s:s}], s:[{s:s, s:o, s:{s:s}}]}",
      "TableName", table, "BillingMode", "PAY_PER_REQUEST", "KeySchema", key_schema("pk"),
      "AttributeDefinitions", "AttributeName", "pk", "AttributeType", "S", "AttributeName", "sk",
      "AttributeType", "S", "AttributeName", "message_group_uuid", "AttributeType", "S",
      "GlobalSecondaryIndexes", "IndexName", INDEX_NAME, "KeySchema",
      key_schema("message_group_uuid"), "Projection", "ProjectionType", "ALL");
}

bool definition_matches(const json_t *description) {
  json_t *of_table = key_schema("pk"), *of_index = key_schema("message_group_uuid");
  bool matches = of_table && json_equal(json_object_get(description, "KeySchema"), of_table);
  bool has_index = false;
  size_t position;
  const json_t *index;
  json_array_foreach(json_object_get(description, "GlobalSecondaryIndexes"), position, index) {
    const char *name = json_string_value(json_object_get(index, "IndexName"));
    if (name && strcmp(name, INDEX_NAME) == 0)
      has_index = json_equal(json_object_get(index, "KeySchema"), of_index);
  }
  json_decref(of_table);
  json_decref(of_index);
  return matches && has_index;
}

/* --- A conversation --- */

static const char *const LINES[] = {
    "Have you seen how fast the new backend starts?",
    "I blinked and missed it.",
    "It is C all the way down, they say.",
    "And the messages? I thought those live somewhere else.",
    "In DynamoDB. This one does, too.",
    "So if I send you something now, and the power goes out…",
    "…then either you have no answer, or the message is there. Once.",
    "Sold. What do we try next?",
    "Two of us writing at the very same moment.",
    "You first!",
};

enum { LINE_COUNT = sizeof(LINES) / sizeof(LINES[0]) };

static const int64_t PAUSE_US = 60LL * 1000000;

/* Takes the input of a PutItem, keeps the item. */
static void append_put(json_t *requests, json_t *input) {
  json_array_append_new(
      requests, json_pack("{s:{s:O}}", "PutRequest", "Item", json_object_get(input, "Item")));
  json_decref(input);
}

static int64_t time_of_line(int64_t last_us, int line) {
  return last_us - (LINE_COUNT - 1 - line) * PAUSE_US;
}

/* Which line of the conversation an item has, the last one for the row of a group; -1: none. */
static int line_of(const json_t *item) {
  struct str message = dynamodb_item_string(item, "message");
  for (int i = LINE_COUNT - 1; i >= 0; i--)
    if (str_equal(message, str_from(LINES[i]))) return i;
  return -1;
}

enum definition_seeded definition_seeded(const json_t *items, const char *group_id,
                                         int64_t *ret_last_us) {
  size_t index;
  const json_t *item;
  char wanted_pk[sizeof("MSG#") + TABLE_ID_SIZE];
  snprintf(wanted_pk, sizeof(wanted_pk), "MSG#%s", group_id);
  json_array_foreach(items, index, item) {
    struct str group = dynamodb_item_string(item, "message_group_uuid");
    int line = line_of(item);
    int64_t at_us;
    bool ours = str_equal(dynamodb_item_string(item, "pk"), str_from(wanted_pk)) ||
                str_equal(group, str_from(group_id));
    if (!ours || line < 0 || !moment_parse(dynamodb_item_string(item, "sk"), &at_us))
      return DEFINITION_SEEDED_WHOLE; /* they have written to each other */
    *ret_last_us = at_us - time_of_line(0, line);
  }
  size_t count = json_array_size(items);
  if (count == 0) return DEFINITION_SEEDED_NOT;
  return count < LINE_COUNT + 2 ? DEFINITION_SEEDED_IN_PART : DEFINITION_SEEDED_WHOLE;
}

bool definition_group_of(const struct person *first, const struct person *second,
                         char ret_group_id[TABLE_ID_SIZE]) {
  struct uuid a, b, group;
  if (!uuid_parse(str_from(first->id), &a) || !uuid_parse(str_from(second->id), &b) ||
      !group_id_derive(&a, &b, &group))
    return false;
  table_format_id(&group, ret_group_id);
  return true;
}

json_t *definition_seed_requests(const struct person *first, const struct person *second,
                                 int64_t last_us, const char *group_id) {
  json_t *requests = json_array();
  if (!requests) return NULL;
  char time[CLOCK_RFC3339_SIZE];
  for (int i = 0; i < LINE_COUNT; i++) {
    const struct person *sender = i % 2 == 0 ? first : second;
    char id[TABLE_ID_SIZE];
    struct uuid message = uuid_random();
    table_format_id(&message, id);
    clock_format_rfc3339(time_of_line(last_us, i), time);
    append_put(requests,
               table_put_message_input(group_id, sender, id, str_from(time), str_from(LINES[i])));
  }
  struct str last = str_from(LINES[LINE_COUNT - 1]);
  append_put(requests, table_put_group_input(first->id, group_id, second, str_from(time), last));
  append_put(requests, table_put_group_input(second->id, group_id, first, str_from(time), last));
  return requests;
}
