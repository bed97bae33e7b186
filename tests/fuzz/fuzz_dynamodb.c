/* fuzz_dynamodb.c: DynamoDB's answers: pages of a query, batches of which parts come back undone,
 * and the attributes of items. */
#include "answers.h"

#include "lib/base/utf8.h"
#include "lib/messages/dynamodb/moment.h"
#include "lib/messages/dynamodb/table.h"

static const char ID[] = "0b7f9f4c-6a35-4a34-8f5e-6f1f3c6a2d10";

static void check_items(const json_t *items) {
  static const char *const NAMES[] = {"pk", "sk", "message", "message_uuid", "user_handle"};
  size_t index;
  const json_t *item;
  json_array_foreach(items, index, item) {
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
      struct str text = dynamodb_item_string(item, NAMES[i]);
      assert(text.data || text.length == 0);
      assert(text.length == 0 || utf8_valid(text));
    }
    int64_t unix_us;
    (void)moment_parse(dynamodb_item_string(item, "sk"), &unix_us);
  }
}

static bool is_enough(const json_t *items, void *argument) {
  (void)argument;
  check_items(items);
  return json_array_size(items) > 8;
}

static void on_items(json_t *items, const struct error *error, void *argument) {
  ++*(unsigned *)argument;
  assert(!items == (error != NULL) && (!items || json_is_array(items)));
  if (items) check_items(items);
}

static void query(struct str text) {
  struct table_session session = {
      .loop = answers_session()->loop, .table = "table", .due_ms = UINT64_MAX};
  unsigned ends = 0;
  answers_begin(text);
  table_query(&session, table_query_input("MSG", ID), 10, is_enough, on_items, &ends);
  answers_run();
  assert(ends == 1);
}

static void batch(struct str text) {
  struct dynamodb_bounds bounds = {.deadline_ms = 1000000};
  struct error error = {0};
  json_t *requests = json_pack("[{},{},{}]");
  answers_begin(text);
  if (!dynamodb_batch_write(answers_session(), "table", requests, &bounds, &error))
    assert(error.kind != ERROR_NONE);
  json_decref(requests);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str text = fuzz_text(data, size);
  query(text);
  batch(text);
  return 0;
}
