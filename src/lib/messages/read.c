/* read.c: the lists of the DynamoDB store: a page of items, with the names that users have now. */
#include "lib/base/json_writer.h"
#include "lib/messages/call.h"
#include "lib/messages/moment.h"

#include <stdlib.h>

enum {
  TIES = 8, /* items read beyond the page: old rows of one time may differ in how they write it */
};

/* A row of a list. */
struct entry {
  struct uuid uuid; /* of the message or the group */
  int64_t at_us;
  const json_t *item; /* borrowed from the call's items */
};

void call_free_entries(struct call *call) {
  json_decref(call->items);
  free(call->entries);
  buffer_free(&call->name_ids);
  call->items = NULL;
  call->entries = NULL;
}

/* --- From items to the entries of a page --- */

static int compare_places(const struct entry *a, const struct entry *b) {
  if (a->at_us != b->at_us) return a->at_us < b->at_us ? -1 : 1;
  return memcmp(a->uuid.bytes, b->uuid.bytes, UUID_SIZE);
}

static int newest_first(const void *a, const void *b) {
  return compare_places(b, a);
}

/* Groups the entries of one uuid, the newest of them first. */
static int by_uuid(const void *left, const void *right) {
  const struct entry *a = left, *b = right;
  int order = memcmp(a->uuid.bytes, b->uuid.bytes, UUID_SIZE);
  return order ? order : compare_places(b, a);
}

static bool read_entry(const json_t *item, const char *uuid_name, struct entry *ret_entry) {
  struct str sk = dynamodb_item_string(item, "sk");
  struct str uuid = dynamodb_item_string(item, uuid_name);
  ret_entry->item = item;
  return sk.data && uuid.data && moment_parse(sk, &ret_entry->at_us) &&
         uuid_parse(uuid, &ret_entry->uuid);
}

/* Items that are not as the contract says are left out. */
static bool read_entries(struct call *call, const json_t *items, const char *uuid_name) {
  free(call->entries);
  call->entry_count = 0;
  call->entries = calloc(json_array_size(items) + 1, sizeof(*call->entries));
  if (!call->entries) return false;
  size_t index;
  const json_t *item;
  json_array_foreach((json_t *)items, index,
                     item) if (read_entry(item, uuid_name, &call->entries[call->entry_count]))
      call->entry_count++;
  return true;
}

/* Keeps the newest entry of each uuid: a group may have an older row that nobody has deleted yet.
 */
static void drop_repeated(struct call *call) {
  struct entry *entries = call->entries;
  qsort(entries, call->entry_count, sizeof(*entries), by_uuid);
  size_t kept = 0;
  for (size_t i = 0; i < call->entry_count; i++)
    if (kept == 0 || memcmp(entries[i].uuid.bytes, entries[kept - 1].uuid.bytes, UUID_SIZE) != 0)
      entries[kept++] = entries[i];
  call->entry_count = kept;
}

static void drop_before_cursor(struct call *call) {
  if (!call->page->has_before) return;
  struct entry cursor = {.at_us = call->page->before.created_at_us,
                         .uuid = call->page->before.uuid};
  size_t kept = 0;
  for (size_t i = 0; i < call->entry_count; i++)
    if (compare_places(&call->entries[i], &cursor) < 0) call->entries[kept++] = call->entries[i];
  call->entry_count = kept;
}

/* False when memory is out. */
static bool arrange_entries(struct call *call, const json_t *items, const char *uuid_name) {
  if (!read_entries(call, items, uuid_name)) return false;
  drop_repeated(call);
  drop_before_cursor(call);
  qsort(call->entries, call->entry_count, sizeof(*call->entries), newest_first);
  return true;
}

static bool has_page(struct call *call, const json_t *items, const char *uuid_name) {
  return !arrange_entries(call, items, uuid_name) ||
         call->entry_count > (size_t)call->page->limit + TIES;
}

/* Keeps the items of the page and cuts what is beyond; false when the call has ended. */
static bool take_page(struct call *call, json_t *items, const struct error *error,
                      const char *uuid_name) {
  if (error) {
    call_fail(call, error);
    return false;
  }
  if (!arrange_entries(call, items, uuid_name)) {
    call_fail_memory(call);
    return false;
  }
  call->items = json_incref(items);
  call->more = call->entry_count > (size_t)call->page->limit;
  if (call->more) call->entry_count = (size_t)call->page->limit;
  return true;
}

/* --- The answer --- */

static void append_text(struct buffer *body, const char *key, struct str text) {
  buffer_append_text(body, key);
  if (text.data)
    json_append_string(body, text);
  else
    buffer_append_text(body, "null");
}

static void append_entry(const struct entry *entry, const struct pg_result *names,
                         struct buffer *body) {
  char time[CLOCK_RFC3339_SIZE], id[TABLE_ID_SIZE];
  struct str display_name = dynamodb_item_string(entry->item, "user_display_name");
  struct str handle = dynamodb_item_string(entry->item, "user_handle");
  struct str user = dynamodb_item_string(entry->item, "user_uuid");
  struct uuid uuid;
  bool known = user.data && uuid_parse(user, &uuid);
  for (size_t row = 0; known && row < pg_result_rows(names); row++) {
    struct uuid of_row = pg_result_uuid(names, row, "uuid");
    if (memcmp(of_row.bytes, uuid.bytes, UUID_SIZE) != 0) continue;
    display_name = pg_result_text(names, row, "display_name");
    handle = pg_result_text(names, row, "handle");
  }
  table_format_id(&entry->uuid, id);
  append_text(body, "{\"uuid\":", str_from(id));
  append_text(body, ",\"display_name\":", display_name);
  append_text(body, ",\"handle\":", handle);
  append_text(body, ",\"message\":", dynamodb_item_string(entry->item, "message"));
  clock_format_rfc3339(entry->at_us, time);
  append_text(body, ",\"created_at\":", str_from(time));
  buffer_append_char(body, '}');
}

/* Messages are shown oldest first, groups newest first; the next page is the older one of both. */
static void finish_list(struct call *call, const struct pg_result *names, bool oldest_first) {
  struct buffer body = BUFFER_EMPTY;
  struct message_answer answer = {.outcome = MESSAGES_DONE, .body = &body, .more = call->more};
  size_t count = call->entry_count;
  if (call->more)
    answer.next = (struct message_place){.created_at_us = call->entries[count - 1].at_us,
                                         .uuid = call->entries[count - 1].uuid};
  buffer_append_char(&body, '[');
  for (size_t i = 0; i < count; i++) {
    if (i > 0) buffer_append_char(&body, ',');
    append_entry(&call->entries[oldest_first ? count - 1 - i : i], names, &body);
  }
  buffer_append_char(&body, ']');
  call_finish(call, &answer);
}

/* Asks Postgres for the names of everyone on the page: items have those of the time when they were
 * written. */
static void find_names(struct call *call, pg_done done) {
  struct buffer *ids = &call->name_ids;
  buffer_append_char(ids, '{');
  for (size_t i = 0; i < call->entry_count; i++) {
    struct str user = dynamodb_item_string(call->entries[i].item, "user_uuid");
    struct uuid uuid;
    if (!user.data || !uuid_parse(user, &uuid)) continue;
    if (ids->length > 1) buffer_append_char(ids, ',');
    buffer_append_str(ids, user);
  }
  buffer_append_char(ids, '}');
  if (ids->failed) {
    call_fail_memory(call);
    return;
  }
  struct pg_batch *batch = pg_batch_new(call->store->pool);
  pg_batch_trace(batch, call->caller_id.trace);
  pg_batch_add(batch, PG_USERS_NAMES);
  pg_bind_text(batch, buffer_str(ids));
  pg_batch_submit(batch, done, call);
}

/* --- Groups --- */

static const char GROUP_UUID[] = "message_group_uuid";

static void on_group_names(enum pg_outcome outcome, const struct pg_result *const *results,
                           const struct error *error, void *argument) {
  struct call *call = argument;
  if (call_outcome_is_done(call, outcome, error)) finish_list(call, results[0], false);
}

static void on_groups(json_t *items, const struct error *error, void *argument) {
  struct call *call = argument;
  if (take_page(call, items, error, GROUP_UUID)) find_names(call, on_group_names);
}

static bool has_page_of_groups(const json_t *items, void *argument) {
  return has_page(argument, items, GROUP_UUID);
}

/* Reads from the newest row on, even for a later page: only so is it known which of a group's rows
 * is the newest. */
static void query_groups(struct call *call) {
  int limit = call->page->has_before ? 0 : call->page->limit + TIES + 1;
  table_query(&call->session, table_query_input("GRP", call->caller.id), limit, has_page_of_groups,
              on_groups, call);
}

void call_list_groups(struct call *call) {
  call_find_caller(call, query_groups);
}

/* --- Messages --- */

static const char MESSAGE_UUID[] = "message_uuid";

static void on_message_names(enum pg_outcome outcome, const struct pg_result *const *results,
                             const struct error *error, void *argument) {
  struct call *call = argument;
  if (call_outcome_is_done(call, outcome, error)) finish_list(call, results[0], true);
}

/* The list is right whether the rows could be moved or not. */
static void on_repaired(struct call *call, const struct error *error) {
  (void)error;
  find_names(call, on_message_names);
}

/* A message newer than the group's rows: whoever wrote it did not live to move them. */
static void on_messages(json_t *items, const struct error *error, void *argument) {
  struct call *call = argument;
  if (!take_page(call, items, error, MESSAGE_UUID)) return;
  const struct entry *newest = call->entry_count > 0 ? &call->entries[0] : NULL;
  if (!call->page->has_before && newest && newest->at_us > call->row_us)
    call_move_rows(call, newest->at_us, dynamodb_item_string(newest->item, "message"), false,
                   on_repaired);
  else
    find_names(call, on_message_names);
}

static bool has_page_of_messages(const json_t *items, void *argument) {
  return has_page(argument, items, MESSAGE_UUID);
}

static void query_messages(struct call *call) {
  json_t *input = table_query_input("MSG", call->group_id);
  if (input && call->page->has_before) {
    char after[CLOCK_RFC3339_SIZE];
    moment_format_after(call->page->before.created_at_us, after);
    table_query_until(input, after);
  }
  table_query(&call->session, input, call->page->limit + TIES + 1, has_page_of_messages,
              on_messages, call);
}

static void find_group_to_read(struct call *call) {
  call_find_group(call, query_messages);
}

void call_list_messages(struct call *call) {
  call_find_caller(call, find_group_to_read);
}
