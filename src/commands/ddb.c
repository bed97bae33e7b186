/* ddb.c: `cruddur ddb`: the DynamoDB table of messages: make, fill, look at, drop. */
#include "commands/commands.h"

#include "lib/aws/services/dynamodb.h"
#include "lib/base/clock.h"
#include "lib/messages/dynamodb/definition.h"
#include "lib/pg/pg_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 300000, WAIT_STEP_MS = 500 };

static const struct dynamodb_bounds BOUNDS = {
    .deadline_ms = 15000, .try_timeout_ms = 5000, .repeatable = true};

struct job {
  struct aws_session aws;
  const char *table;
  bool force;
  const char *connection_url; /* NULL: not set */
};

/* Calls `operation` with `input`, which it takes, after a pause. The output is the caller's; NULL:
 * an error. */
static json_t *call_after(struct job *job, uint64_t pause_ms, const char *operation, json_t *input,
                          struct error *error) {
  const struct aws_request request = {.service = AWS_DYNAMODB,
                                      .operation = operation,
                                      .deadline_ms = BOUNDS.deadline_ms,
                                      .pause_ms = pause_ms,
                                      .try_timeout_ms = BOUNDS.try_timeout_ms,
                                      .response_limit = DYNAMODB_RESPONSE_LIMIT,
                                      .repeatable = true};
  return aws_session_json(&job->aws, &request, input, error);
}

static json_t *call(struct job *job, const char *operation, json_t *input, struct error *error) {
  return call_after(job, 0, operation, input, error);
}

/* Calls `operation` with `input`, which it takes, page by page, and hands on each row of the array
 * `rows`. */
static bool list(struct job *job, const char *operation, json_t *input, const char *rows,
                 void (*take)(json_t *row, void *argument), void *argument, struct error *error) {
  bool more = true, done = input || error_set(error, ERROR_MEMORY, "out of memory");
  while (done && more) {
    json_t *output = call(job, operation, json_incref(input), error);
    size_t index;
    json_t *row;
    json_array_foreach(json_object_get(output, rows), index, row) take(row, argument);
    done = output && dynamodb_turn_page(input, output, &more, error);
    json_decref(output);
  }
  json_decref(input);
  return done;
}

/* --- list-tables --- */

static void print_name(json_t *name, void *argument) {
  (void)argument;
  if (json_is_string(name)) puts(json_string_value(name));
}

static bool list_tables(struct job *job, struct error *error) {
  return list(job, "ListTables", json_object(), "TableNames", print_name, NULL, error);
}

/* --- schema-load --- */

/* The table's description, the caller's; NULL with an error of kind NOT_FOUND: there is none. */
static json_t *describe(struct job *job, uint64_t pause_ms, struct error *error) {
  json_t *output = call_after(job, pause_ms, "DescribeTable",
                              json_pack("{s:s}", "TableName", job->table), error);
  if (!output) return NULL;
  json_t *description = json_incref(json_object_get(output, "Table"));
  json_decref(output);
  if (!description) error_set(error, ERROR_UNAVAILABLE, "DescribeTable answers without a table");
  return description;
}

static bool is_active(const json_t *description) {
  const char *status = json_string_value(json_object_get(description, "TableStatus"));
  return status && strcmp(status, "ACTIVE") == 0;
}

static bool check_definition(struct job *job, const json_t *description, struct error *error) {
  return definition_matches(description) ||
         error_set(error, ERROR_REFUSED,
                   "there is a table %s with other keys or without the index of messages; drop "
                   "it or choose another name with --table",
                   job->table);
}

/* Right after a table was made, DescribeTable may not know of it yet. */
static bool wait_until_active(struct job *job, struct error *error) {
  for (int waited_ms = 0; waited_ms < WAIT_MS; waited_ms += WAIT_STEP_MS) {
    json_t *description = describe(job, waited_ms > 0 ? WAIT_STEP_MS : 0, error);
    bool active = is_active(description);
    bool fits = !active || check_definition(job, description, error);
    bool failed = !description && error->kind != ERROR_NOT_FOUND;
    json_decref(description);
    if (active || failed) return active && fits;
  }
  return error_set(error, ERROR_UNAVAILABLE, "the table %s is still being made after %d s",
                   job->table, WAIT_MS / 1000);
}

/* That a table is in use already may be the answer to our own request, whose first one was lost. */
static bool create(struct job *job, struct error *error) {
  json_t *output = call(job, "CreateTable", definition_create_input(job->table), error);
  json_decref(output);
  return output || error->kind == ERROR_CONFLICT;
}

static bool load_schema(struct job *job, struct error *error) {
  json_t *description = describe(job, 0, error);
  bool is_there = description != NULL;
  bool fits = !is_there || check_definition(job, description, error);
  json_decref(description);
  if (!fits || (!is_there && (error->kind != ERROR_NOT_FOUND || !create(job, error))) ||
      !wait_until_active(job, error))
    return false;
  printf(is_there ? "The table %s is there already\n" : "Made the table %s\n", job->table);
  return true;
}

/* --- seed --- */

static bool find_people(struct job *job, struct person people[2], struct error *error) {
  static const char SQL[] = "SELECT uuid, display_name, handle FROM public.users "
                            "WHERE handle IN ('andrewbrown', 'bayko') ORDER BY handle";
  if (!job->connection_url)
    return error_set(
        error, ERROR_INVALID,
        "CONNECTION_URL is not set (the seeded users are looked up there), for example "
        "CONNECTION_URL=postgresql://user:password@host:5432/cruddur");
  _cleanup_(pg_session_close_p) struct pg_session *session = NULL;
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  const struct pg_session_options options = {.connection_url = job->connection_url,
                                             .application_name = "cruddur ddb"};
  if (!pg_session_open(&options, &session, error) ||
      !pg_session_query(session, SQL, 0, NULL, &rows, error))
    return false;
  if (pg_session_rows_count(rows) != 2)
    return error_set(error, ERROR_NOT_FOUND,
                     "the users andrewbrown and bayko are not in the database; bin/db/seed puts "
                     "them there");
  for (size_t i = 0; i < 2; i++)
    if (!person_set(&people[i], pg_session_rows_text(rows, i, 0),
                    str_from(pg_session_rows_text(rows, i, 1)),
                    str_from(pg_session_rows_text(rows, i, 2))))
      return error_set(error, ERROR_MEMORY, "out of memory");
  return true;
}

static void keep_item(json_t *item, void *argument) {
  json_array_append(argument, item);
}

/* Appends the items of a query, which it takes, to `items`. */
static bool collect(struct job *job, json_t *input, json_t *items, struct error *error) {
  if (input) json_object_set_new(input, "TableName", json_string(job->table));
  return list(job, "Query", input, "Items", keep_item, items, error);
}

/* What the table holds of the two: the messages of their group, and both rows of any group. */
static bool collect_conversation(struct job *job, const struct person people[2],
                                 const char *group_id, json_t *items, struct error *error) {
  for (size_t i = 0; i < 2; i++) {
    json_t *input = table_query_input("GRP", people[i].id);
    if (input) table_query_filter(input, "user_uuid", people[1 - i].id);
    if (!collect(job, input, items, error)) return false;
  }
  return collect(job, table_query_input("MSG", group_id), items, error);
}

/* One that was interrupted is put once more under the same keys. */
static bool put_conversation(struct job *job, const struct person people[2], const char *group_id,
                             const json_t *items, struct error *error) {
  int64_t last_us = clock_unix_us();
  enum definition_seeded seeded = definition_seeded(items, group_id, &last_us);
  if (seeded == DEFINITION_SEEDED_WHOLE) {
    puts("andrewbrown and bayko have a conversation already");
    return true;
  }
  json_t *requests = definition_seed_requests(&people[0], &people[1], last_us, group_id);
  bool done = requests ? dynamodb_batch_write(&job->aws, job->table, requests, &BOUNDS, error)
                       : error_set(error, ERROR_MEMORY, "out of memory");
  json_decref(requests);
  if (done)
    printf("%s a conversation of andrewbrown and bayko in the group %s\n",
           seeded == DEFINITION_SEEDED_IN_PART ? "Completed" : "Put", group_id);
  return done;
}

static bool seed(struct job *job, struct error *error) {
  struct person people[2] = {0};
  char group_id[TABLE_ID_SIZE];
  json_t *items = json_array();
  bool done = items || error_set(error, ERROR_MEMORY, "out of memory");
  done = done && find_people(job, people, error) &&
         (definition_group_of(&people[0], &people[1], group_id) ||
          error_set(error, ERROR_INTERNAL, "the uuid of a group could not be made")) &&
         collect_conversation(job, people, group_id, items, error) &&
         put_conversation(job, people, group_id, items, error);
  json_decref(items);
  person_free(&people[0]);
  person_free(&people[1]);
  return done;
}

/* --- scan --- */

/* {"pk":{"S":"…"}} becomes {"pk":"…"}; values of other types stay as they are. */
static void print_item(json_t *item, void *argument) {
  (void)argument;
  json_t *plain = json_object();
  const char *name;
  json_t *value;
  json_object_foreach(item, name, value) {
    json_t *text = json_object_get(value, "S");
    json_object_set(plain, name, text ? text : value);
  }
  json_dumpf(plain, stdout, JSON_COMPACT);
  putchar('\n');
  json_decref(plain);
}

static bool scan(struct job *job, struct error *error) {
  return list(job, "Scan", json_pack("{s:s}", "TableName", job->table), "Items", print_item, NULL,
              error);
}

/* --- drop --- */

static bool refuse_items(struct job *job, struct error *error) {
  if (job->force) return true;
  json_t *output =
      call(job, "Scan", json_pack("{s:s, s:i}", "TableName", job->table, "Limit", 1), error);
  if (!output) return false;
  bool empty = json_array_size(json_object_get(output, "Items")) == 0;
  json_decref(output);
  if (empty) return true;
  return error_set(error, ERROR_REFUSED,
                   "the table %s holds items; nothing was done; add --force to drop it with them",
                   job->table);
}

static bool drop(struct job *job, struct error *error) {
  json_t *output = NULL;
  if (refuse_items(job, error))
    output = call(job, "DeleteTable", json_pack("{s:s}", "TableName", job->table), error);
  json_decref(output);
  if (!output && error->kind != ERROR_NOT_FOUND) return false;
  printf(output ? "Dropped the table %s\n" : "There is no table %s\n", job->table);
  return true;
}

/* --- The command --- */

enum { LIST_TABLES, SCHEMA_LOAD, SEED, SCAN, DROP };

static const struct operation {
  const char *name; /* for messages */
  bool (*run)(struct job *job, struct error *error);
} OPERATIONS[] = {
    [LIST_TABLES] = {"ddb list-tables", list_tables},
    [SCHEMA_LOAD] = {"ddb schema-load", load_schema},
    [SEED] = {"ddb seed", seed},
    [SCAN] = {"ddb scan", scan},
    [DROP] = {"ddb drop", drop},
};

static int run(const struct operation *operation, struct job *job) {
  struct config config;
  struct error error = {0};
  bool done = config_load(&config, CONFIG_AWS, &error) &&
              aws_session_open(&job->aws, &config, &error) && operation->run(job, &error);
  aws_session_close(&job->aws);
  if (done) return EXIT_DONE;
  return exit_with(operation->name, &error);
}

static const char *setting(const char *name, const char *otherwise) {
  const char *value = getenv(name);
  return value && *value ? value : otherwise;
}

static int command_ddb(int argc, char **argv) {
  struct job job = {.table = setting("DDB_MESSAGE_TABLE", "cruddur-messages"),
                    .connection_url = setting("CONNECTION_URL", NULL)};
  struct flag_words words;
  int code;
  if (!flags_read(&ddb_command, argc, argv, &job, &words, &code)) return code;
  return run(&OPERATIONS[words.verb], &job);
}

static const struct flag FLAGS[] = {
    FLAG_VERB("list-tables", NULL, LIST_TABLES, "print the names of all tables",
              .section = "Operations"),
    FLAG_VERB("schema-load", NULL, SCHEMA_LOAD,
              "make the table with its index; nothing to do where it is there"),
    FLAG_VERB("seed", NULL, SEED,
              "put in a conversation of the seeded users andrewbrown and bayko, who are looked up "
              "in the database of CONNECTION_URL; nothing to do where they have one"),
    FLAG_VERB("scan", NULL, SCAN, "print every item as a line of JSON"),
    FLAG_VERB("drop", NULL, DROP, "drop the table; one that holds items only with --force"),
    FLAG_TEXT(0, "table", "NAME", struct job, table,
              "the table (DDB_MESSAGE_TABLE, else cruddur-messages)", .section = "Options"),
    FLAG_SWITCH(0, "force", struct job, force, "drop the table with its items"),
    FLAG_END,
};

const struct subcommand ddb_command = {
    .name = "ddb",
    .summary = "look after the DynamoDB table of messages",
    .usage = "cruddur ddb OPERATION [--table NAME] [--force]",
    .description =
        "Looks after the DynamoDB table of direct messages. The settings say which DynamoDB:\n"
        "AWS_ENDPOINT_URL_DYNAMODB names an emulator; where it is unset, it is AWS itself.",
    .word = "OPERATION",
    .flags = FLAGS,
    .exits = {[EXIT_DONE] = "",
              [EXIT_FAILED] = "",
              [EXIT_USAGE] = "",
              [EXIT_REFUSED] = "",
              [EXIT_UNAVAILABLE] = "DynamoDB or Postgres was not reached",
              [EXIT_CREDENTIALS] = ""},
    .run = command_ddb,
};
