/* table.h: requests to the DynamoDB table of messages: items, keys, queries page by page.
 *
 * Items are those of the contract: messages under MSG#{group}, a row for each member of a group
 * under GRP#{member}; both sort by time. */
#pragma once

#include "lib/aws/services/dynamodb.h"
#include "lib/base/clock.h"
#include "lib/messages/dynamodb/person.h"

/* What all requests of one call share. */
struct table_session {
  struct loop *loop;
  struct aws_client *client;
  const char *table;
  const struct trace_context *trace; /* of the request; NULL: none */
  uint64_t due_ms;                   /* of the loop's clock: when the whole call must have ended */
  uint64_t try_timeout_ms;           /* of one try of a request */
};

/* Writes a uuid as items have it, with a NUL. */
void table_format_id(const struct uuid *uuid, char id[TABLE_ID_SIZE]);

/* Sends `input`, which it takes, with the table's name in it; NULL counts as memory being out.
 * A request that fails is repeated while the call has time, so it must be safe to do twice. `done`
 * is called from inside when the request cannot be sent. */
void table_request(const struct table_session *session, const char *operation, json_t *input,
                   dynamodb_done done, void *argument);

/* --- Inputs: the caller's; NULL when memory is out. --- */

/* Reads the partition "MSG#id" or "GRP#id" (`prefix` is "MSG" or "GRP"), the newest item first. */
json_t *table_query_input(const char *prefix, const char *id);

/* Makes the query return only items whose attribute `name` is `id`. */
void table_query_filter(json_t *input, const char *name, const char *id);

/* Makes the query read only items whose key is less than `sk`. */
void table_query_until(json_t *input, const char *sk);

json_t *table_get_input(const char *prefix, const char *id, struct str sk);

/* A member's row of a group; the key must be free, or the group's own. */
json_t *table_put_group_input(const char *member_id, const char *group_id,
                              const struct person *other, struct str sk, struct str message);

/* Deletes a member's row, if it is the group's. */
json_t *table_delete_group_input(const char *member_id, const char *group_id, struct str sk);

/* A message; the key must be free. */
json_t *table_put_message_input(const char *group_id, const struct person *sender,
                                const char *message_id, struct str sk, struct str message);

/* --- Queries --- */

typedef void (*table_query_done)(json_t *items, const struct error *error, void *argument);

/* Reads the pages of a query until `enough` says that the items so far are enough (NULL: all of
 * them). `done` gets the items, an array borrowed for the time of the call, or an error. Takes
 * `input`. The first page reads `limit` items (0: as many as the service gives); all later pages
 * read as many as the service gives. */
void table_query(const struct table_session *session, json_t *input, int limit,
                 bool (*enough)(const json_t *items, void *argument), table_query_done done,
                 void *argument);
