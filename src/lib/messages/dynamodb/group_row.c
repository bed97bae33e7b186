/* group_row.c: moving a member's group row to the time and text of a message.
 *
 * Steps of a move: put the row (1), unless it looks first; look at the member's rows of the group
 * and delete the older ones (2); check that the newest is still there (3), or else begin again with
 * looking. Each step is one request on the loop's thread; a bound on the rounds ends a move that
 * others keep disturbing. A move owns the keys that it still has to delete, and is freed when
 * `done` was called. */
#include "lib/messages/dynamodb/group_row.h"

#include "lib/base/time.h"
#include "lib/messages/dynamodb/moment.h"

#include <assert.h>
#include <stdlib.h>

enum {
  SLOTS_LIMIT = 64,  /* microseconds to try when other groups of the member have theirs */
  ROUNDS_LIMIT = 16, /* of looking, when others move the row at the same time */
  ROWS_LIKELY = 1000,
};

struct row_move {
  const struct table_session *session;
  struct group_row row;
  char sk[CLOCK_RFC3339_SIZE]; /* of the row that was put */
  int64_t at_us;
  unsigned slots, rounds;
  char kept[TIME_RFC3339_LIMIT + 1]; /* key of the newest row found */
  json_t *stale;                     /* keys of older rows, still to be deleted */
  group_row_moved done;
  void *argument;
};

bool group_row_opens(const json_t *item) {
  struct str sk = dynamodb_item_string(item, "sk");
  struct str group = dynamodb_item_string(item, "message_group_uuid");
  struct str other = dynamodb_item_string(item, "user_uuid");
  struct uuid uuid;
  char id[TABLE_ID_SIZE];
  int64_t at_us;
  if (!sk.data || !group.data || !other.data || !moment_parse(sk, &at_us) ||
      !uuid_parse(other, &uuid) || !uuid_parse(group, &uuid))
    return false;
  table_format_id(&uuid, id);
  return str_equal(group, str_from(id));
}

const json_t *group_row_newest(const json_t *items, int64_t *ret_at_us) {
  const json_t *newest = NULL, *item;
  struct str newest_sk = {0};
  size_t index;
  json_array_foreach(items, index, item) {
    struct str sk = dynamodb_item_string(item, "sk");
    int64_t at_us;
    if (!group_row_opens(item) || !moment_parse(sk, &at_us)) continue;
    /* Two texts may mean one time: then the order of the table decides. */
    bool later = !newest || at_us > *ret_at_us ||
                 (at_us == *ret_at_us && strcmp(sk.data, newest_sk.data) > 0);
    if (!later) continue;
    newest = item;
    newest_sk = sk;
    *ret_at_us = at_us;
  }
  return newest;
}

static void move_end(struct row_move *move, const struct error *error) {
  move->done(error, move->argument);
  json_decref(move->stale);
  free(move);
}

static void move_give_up(struct row_move *move, const char *reason) {
  struct error error = {0};
  error_set(&error, ERROR_UNAVAILABLE, "%s", reason);
  move_end(move, &error);
}

static void put_row(struct row_move *move);
static void look_at_rows(struct row_move *move);
static void delete_stale(struct row_move *move);

/* --- 3. Check that the newest is still there: the Lambda deletes and puts rows of its own. --- */

static void on_checked(const struct dynamodb_answer *answer, void *argument) {
  struct row_move *move = argument;
  if (answer->error) {
    move_end(move, answer->error);
    return;
  }
  struct str group =
      dynamodb_item_string(json_object_get(answer->body, "Item"), "message_group_uuid");
  if (str_equal(group, str_from(move->row.group_id)))
    move_end(move, NULL);
  else
    look_at_rows(move);
}

static void check_newest(struct row_move *move) {
  table_request(move->session, "GetItem",
                table_get_input("GRP", move->row.member_id, str_from(move->kept)), on_checked,
                move);
}

/* --- 2. Delete what is older than the newest. --- */

static void on_deleted(const struct dynamodb_answer *answer, void *argument) {
  struct row_move *move = argument;
  /* A conflict: the row is gone, or the key is another group's by now. */
  if (answer->error && answer->error->kind != ERROR_CONFLICT) {
    move_end(move, answer->error);
    return;
  }
  json_array_remove(move->stale, 0);
  delete_stale(move);
}

static void delete_stale(struct row_move *move) {
  const char *sk = json_string_value(json_array_get(move->stale, 0));
  assert((!sk || strcmp(sk, move->kept) != 0) && "the newest row is never deleted");
  if (sk)
    table_request(move->session, "DeleteItem",
                  table_delete_group_input(move->row.member_id, move->row.group_id, str_from(sk)),
                  on_deleted, move);
  else
    check_newest(move);
}

/* Collects the keys that are to be deleted. When the newest row is ours, these are all others. When
 * it is not, only ours: whoever put the newest one looks at the rows too, and deletes the rest. */
static bool collect_stale(struct row_move *move, const json_t *items) {
  bool ours_is_newest = strcmp(move->kept, move->sk) == 0;
  json_decref(move->stale);
  move->stale = json_array();
  size_t index;
  const json_t *item;
  json_array_foreach(items, index, item) {
    struct str sk = dynamodb_item_string(item, "sk");
    bool stale = group_row_opens(item) && !str_equal(sk, str_from(move->kept));
    if (!ours_is_newest && !str_equal(sk, str_from(move->sk))) continue;
    if (stale && json_array_append_new(move->stale, json_stringn(sk.data, sk.length)) != 0)
      return false;
  }
  return move->stale != NULL;
}

static void on_looked(json_t *items, const struct error *error, void *argument) {
  struct row_move *move = argument;
  if (error) {
    move_end(move, error);
    return;
  }
  int64_t newest_us = 0;
  const json_t *newest = group_row_newest(items, &newest_us);
  if (!newest || newest_us < move->at_us) {
    put_row(move); /* somebody deleted ours, and has put back an older one or is about to */
    return;
  }
  struct str sk = dynamodb_item_string(newest, "sk");
  assert(sk.length < sizeof(move->kept) && "a key that moment_parse() takes is short");
  snprintf(move->kept, sizeof(move->kept), "%.*s", (int)sk.length, sk.data);
  if (!collect_stale(move, items))
    move_give_up(move, "out of memory for the rows of a group");
  else if (json_array_size(move->stale) > 0)
    delete_stale(move);
  else
    move_end(move, NULL);
}

/* Two rows are enough: the one that was put, and the one that it replaces. Both are among the
 * member's newest rows, unless the group was quiet for long. */
static bool has_new_and_old(const json_t *items, void *argument) {
  (void)argument;
  return json_array_size(items) >= 2;
}

static void look_at_rows(struct row_move *move) {
  if (++move->rounds > ROUNDS_LIMIT) {
    move_give_up(move, "the rows of a group do not come to rest");
    return;
  }
  json_t *input = table_query_input("GRP", move->row.member_id);
  if (input) table_query_filter(input, "message_group_uuid", move->row.group_id);
  table_query(move->session, input, ROWS_LIKELY, has_new_and_old, on_looked, move);
}

/* --- 1. Put the row at the message's time. --- */

static void on_put(const struct dynamodb_answer *answer, void *argument) {
  struct row_move *move = argument;
  if (!answer->error) {
    look_at_rows(move);
  } else if (answer->error->kind == ERROR_CONFLICT && ++move->slots < SLOTS_LIMIT) {
    move->at_us++; /* another group of the member has a message of this very microsecond */
    put_row(move);
  } else {
    move_end(move, answer->error);
  }
}

static void put_row(struct row_move *move) {
  clock_format_rfc3339(move->at_us, move->sk);
  table_request(move->session, "PutItem",
                table_put_group_input(move->row.member_id, move->row.group_id, move->row.other,
                                      str_from(move->sk), move->row.message),
                on_put, move);
}

void group_row_move(const struct table_session *session, const struct group_row *row,
                    group_row_moved done, void *argument) {
  struct row_move *move = calloc(1, sizeof(*move));
  if (!move) {
    struct error error = {0};
    error_set(&error, ERROR_MEMORY, "out of memory for moving a group's row");
    done(&error, argument);
    return;
  }
  *move = (struct row_move){
      .session = session, .row = *row, .at_us = row->at_us, .done = done, .argument = argument};
  clock_format_rfc3339(move->at_us, move->sk);
  if (row->looks_first)
    look_at_rows(move);
  else
    put_row(move);
}
