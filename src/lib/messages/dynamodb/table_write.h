/* table_write.h: sending a message through the DynamoDB store. */
#pragma once

#include "lib/messages/dynamodb/table_call.h"

/* MESSAGES_SEND_TO_USER. */
void table_write_to_user(struct table_call *call);

/* MESSAGES_SEND_TO_GROUP. */
void table_write_to_group(struct table_call *call);
