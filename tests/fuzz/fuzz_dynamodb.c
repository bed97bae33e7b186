/* fuzz_dynamodb.c: DynamoDB's answers: pages of a query, batches of which parts come back undone,
 * and the attributes of items. */
#include "answers.h"

#include "lib/aws/call.h"
#include "lib/base/utf8.h"
#include "lib/messages/dynamodb/moment.h"
#include "lib/messages/dynamodb/table.h"

static const char ID[] = "0b7f9f4c-6a35-4a34-8f5e-6f1f3c6a2d10";
static struct loop *loop;
static struct aws_client client;

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

static void on_answer(const struct dynamodb_answer *answer, void *argument) {
  ++*(unsigned *)argument;
  assert(answer->code && !answer->body == (answer->error != NULL));
  if (answer->error) return;
  assert(json_is_object(answer->body));
  check_items(json_object_get(answer->body, "Items"));
}

static void query(struct str text) {
  struct table_session session = {
      .loop = loop, .client = &client, .table = "table", .due_ms = UINT64_MAX};
  unsigned ends = 0;
  answers_begin(text);
  table_query(&session, table_query_input("MSG", ID), 10, is_enough, on_items, &ends);
  answers_run();
  assert(ends == 1);
}

static void batch(struct str text, bool write) {
  struct dynamodb_bounds bounds = {.deadline_ms = 1000000};
  json_t *keys = json_pack("[{},{},{}]");
  unsigned ends = 0;
  answers_begin(text);
  assert(write ? dynamodb_batch_write(&client, "table", keys, &bounds, on_answer, &ends)
               : dynamodb_batch_get(&client, "table", keys, true, &bounds, on_answer, &ends));
  answers_run();
  json_decref(keys);
  assert(ends == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!loop) client.loop = loop = loop_new(0);
  assert(loop);
  struct str text = fuzz_text(data, size);
  query(text);
  batch(text, true);
  batch(text, false);
  return 0;
}
