/* table_read.h: the lists of the DynamoDB store. */
#pragma once

#include "lib/messages/dynamodb/table_call.h"

/* MESSAGES_LIST_GROUPS. */
void table_read_groups(struct table_call *call);

/* MESSAGES_LIST. */
void table_read_messages(struct table_call *call);
