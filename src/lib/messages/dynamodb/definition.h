/* definition.h: the DynamoDB table of messages as it is made, and a conversation to put into it. */
#pragma once

#include "lib/messages/dynamodb/table.h"

/* The input of CreateTable: keys, index and on-demand capacity. NULL when memory is out. */
json_t *definition_create_input(const char *table);

/* True when `description`, from DescribeTable, has the keys and the index that messages need. */
bool definition_matches(const json_t *description);

/* The group of two users; false when a uuid makes no sense. */
bool definition_group_of(const struct person *first, const struct person *second,
                         char ret_group_id[TABLE_ID_SIZE]);

/* The put requests of a made-up conversation of two users in their group, which ends at `last_us`.
 * NULL when memory is out. */
json_t *definition_seed_requests(const struct person *first, const struct person *second,
                                 int64_t last_us, const char *group_id);

enum definition_seeded {
  DEFINITION_SEEDED_NOT,
  DEFINITION_SEEDED_IN_PART, /* somebody was interrupted */
  DEFINITION_SEEDED_WHOLE,   /* or the two have a conversation of their own */
};

/* How much of that conversation is in `items`: the messages of the group, and the rows of the two
 * that name each other. For a part, `*ret_last_us` becomes the time at which it ends. */
enum definition_seeded definition_seeded(const json_t *items, const char *group_id,
                                         int64_t *ret_last_us);
