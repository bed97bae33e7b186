/* definition.h: the DynamoDB table of messages as it is made, and a conversation to put into it. */
#pragma once

#include "lib/messages/dynamodb/table.h"

/* The input of CreateTable: keys, index and on-demand capacity. NULL when memory is out. */
json_t *definition_create_input(const char *table);

/* True when `description`, from DescribeTable, has the keys and the index that messages need. */
bool definition_matches(const json_t *description);

/* The put requests of a made-up conversation of two users that ends at `now_us`, and the group that
 * it is in. NULL when memory is out. */
json_t *definition_seed_requests(const struct person *first, const struct person *second,
                                 int64_t now_us, char ret_group_id[TABLE_ID_SIZE]);
