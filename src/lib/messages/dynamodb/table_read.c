/* table_read.c: the lists of the DynamoDB store: a page of items, with the names users have now.
 *
 * Steps: the caller (Postgres); for messages the caller's row of the group, which makes them a
 * member; a query, page by page, until the items make up the page that was asked for; the names of
 * everyone on it (Postgres); the answer. A message newer than the rows of its group was left behind
 * by a sender that ended early: the rows are moved to it after the answer, which is right without
 * that. */
#include "lib/messages/dynamodb/table_read.h"

#include "lib/base/json_writer.h"
#include "lib/messages/dynamodb/moment.h"
#include "lib/messages/dynamodb/row_repair.h"

#include <assert.h>

enum { FURTHER = 8 }; /* items read beyond the page: most pages are whole by then */

static const char GROUP_UUID[] = "message_group_uuid";
static const char MESSAGE_UUID[] = "message_uuid";

/* --- The page --- */

/* True when no item that has not been read belongs on the page. The table's order is ours from one
 * second to the next, but not within a second. So the last item that was read must lie in an
 * earlier second than the page's last entry. Also true when memory is out: take_page() finds that
 * again, and ends the call. */
static bool has_page(struct table_call *call, const json_t *items, const char *uuid_name) {
  size_t limit = (size_t)call->ask.page.limit;
  const json_t *last = json_array_get(items, json_array_size(items) - 1);
  struct str sk = dynamodb_item_string(last, "sk");
  int64_t reached_us;
  if (!entries_arrange(&call->entries, items, uuid_name, &call->ask.page)) return true;
  return call->entries.count > limit && sk.data && moment_parse(sk, &reached_us) &&
         moment_second(reached_us) < moment_second(call->entries.list[limit - 1].at_us);
}

/* Keeps the items of the page and cuts off what is beyond; false when the call has ended. */
static bool take_page(struct table_call *call, json_t *items, const struct error *error,
                      const char *uuid_name) {
  size_t limit = (size_t)call->ask.page.limit;
  if (error) {
    table_call_fail(call, error);
    return false;
  }
  if (!entries_arrange(&call->entries, items, uuid_name, &call->ask.page)) {
    table_call_fail_no_memory(call);
    return false;
  }
  call->items = json_incref(items);
  call->more = call->entries.count > limit;
  if (call->more) call->entries.count = limit;
  return true;
}

/* --- The answer --- */

static void append_entry(const struct entry *entry, const struct pg_result *names,
                         struct buffer *body) {
  char time[CLOCK_RFC3339_SIZE], id[TABLE_ID_SIZE];
  struct str display_name = dynamodb_item_string(entry->item, "user_display_name");
  struct str handle = dynamodb_item_string(entry->item, "user_handle");
  struct str user = dynamodb_item_string(entry->item, "user_uuid");
  struct str message = dynamodb_item_string(entry->item, "message");
  struct uuid uuid;
  bool known = user.data && uuid_parse(user, &uuid);
  for (size_t row = 0; known && row < pg_result_rows(names); row++) {
    struct uuid of_row = pg_result_uuid(names, row, "uuid");
    if (memcmp(of_row.bytes, uuid.bytes, UUID_SIZE) != 0) continue;
    display_name = pg_result_text(names, row, "display_name");
    handle = pg_result_text(names, row, "handle");
  }
  table_format_id(&entry->uuid, id);
  clock_format_rfc3339(entry->at_us, time);
  buffer_append_char(body, '{');
  json_writer_append_member(body, "uuid", str_from(id));
  json_writer_append_member(body, "display_name", display_name);
  json_writer_append_member(body, "handle", handle);
  json_writer_append_member(body, "message", message.data ? message : STR(""));
  json_writer_append_member(body, "created_at",
                            clock_is_shown(entry->at_us) ? str_from(time) : (struct str){0});
  buffer_append_char(body, '}');
}

/* When a message is newer than the group's rows, its sender ended before it moved them. */
static bool rows_are_behind(const struct table_call *call) {
  return call->ask.kind == MESSAGES_LIST && !call->ask.page.has_before && call->entries.count > 0 &&
         call->entries.list[0].at_us > call->row_us;
}

static struct row_repair *new_repair(struct table_call *call) {
  const struct entry *newest = call->entries.list;
  return row_repair_new(call, newest->at_us, dynamodb_item_string(newest->item, "message"));
}

/* Messages are shown oldest first, groups newest first; the next page of both is the older one. */
static void finish_list(struct table_call *call, const struct pg_result *names) {
  bool oldest_first = call->ask.kind == MESSAGES_LIST;
  const struct entry *list = call->entries.list;
  size_t count = call->entries.count;
  struct row_repair *repair = rows_are_behind(call) ? new_repair(call) : NULL;
  struct buffer body = BUFFER_EMPTY;
  struct message_answer answer = {.outcome = MESSAGES_DONE, .body = &body, .more = call->more};
  if (call->more)
    answer.next = (struct message_place){.created_at_us = list[count - 1].at_us,
                                         .uuid = list[count - 1].uuid};
  buffer_append_char(&body, '[');
  for (size_t i = 0; i < count; i++) {
    assert(i == 0 || entries_in_order(&list[i - 1], &list[i]));
    if (i > 0) buffer_append_char(&body, ',');
    append_entry(&list[oldest_first ? count - 1 - i : i], names, &body);
  }
  buffer_append_char(&body, ']');
  table_call_finish(call, &answer);
  row_repair_begin(repair);
}

static void on_names(enum pg_outcome outcome, const struct pg_result *const *results,
                     const struct error *error, void *argument) {
  struct table_call *call = argument;
  if (!table_call_end_if_undone(call, outcome, error)) finish_list(call, results[0]);
}

/* Asks Postgres for the names of everyone on the page: those in the items are as old as the items.
 */
static void find_names(struct table_call *call) {
  struct buffer *ids = &call->name_ids;
  buffer_append_char(ids, '{');
  for (size_t i = 0; i < call->entries.count; i++) {
    struct str user = dynamodb_item_string(call->entries.list[i].item, "user_uuid");
    struct uuid uuid;
    if (!user.data || !uuid_parse(user, &uuid)) continue;
    if (ids->length > 1) buffer_append_char(ids, ',');
    buffer_append_str(ids, user);
  }
  buffer_append_char(ids, '}');
  if (ids->failed) {
    table_call_fail_no_memory(call);
    return;
  }
  struct pg_batch *batch = pg_pool_new_batch(call->store->pool);
  pg_batch_trace(batch, call->ask.caller.trace);
  pg_batch_time(batch, call->ask.caller.timing);
  pg_batch_add(batch, PG_USERS_NAMES);
  pg_batch_bind_text(batch, buffer_str(ids));
  pg_pool_submit(batch, on_names, call);
}

/* --- Groups --- */

static void on_groups(json_t *items, const struct error *error, void *argument) {
  struct table_call *call = argument;
  if (take_page(call, items, error, GROUP_UUID)) find_names(call);
}

static bool has_page_of_groups(const json_t *items, void *argument) {
  return has_page(argument, items, GROUP_UUID);
}

/* Reads from the newest row on, even for a later page: otherwise an older row of a group could pass
 * for its newest. */
static void query_groups(struct table_call *call) {
  int limit = call->ask.page.has_before ? 0 : call->ask.page.limit + FURTHER + 1;
  table_query(&call->session, table_query_input("GRP", call->caller.id), limit, has_page_of_groups,
              on_groups, call);
}

void table_read_groups(struct table_call *call) {
  table_call_find_caller(call, query_groups);
}

/* --- Messages --- */

static void on_messages(json_t *items, const struct error *error, void *argument) {
  struct table_call *call = argument;
  if (take_page(call, items, error, MESSAGE_UUID)) find_names(call);
}

static bool has_page_of_messages(const json_t *items, void *argument) {
  return has_page(argument, items, MESSAGE_UUID);
}

static void query_messages(struct table_call *call) {
  json_t *input = table_query_input("MSG", call->group_id);
  if (input && call->ask.page.has_before) {
    char after[CLOCK_RFC3339_SIZE];
    moment_format_after(call->ask.page.before.created_at_us, after);
    table_query_until(input, after);
  }
  table_query(&call->session, input, call->ask.page.limit + FURTHER + 1, has_page_of_messages,
              on_messages, call);
}

static void find_group_to_read(struct table_call *call) {
  table_call_find_group(call, query_messages);
}

void table_read_messages(struct table_call *call) {
  table_call_find_caller(call, find_group_to_read);
}
