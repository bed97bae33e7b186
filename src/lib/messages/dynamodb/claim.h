/* claim.h: sending a message once through the DynamoDB store: the Idempotency-Key of a call.
 *
 * The key's row in Postgres fixes group, uuid and time of the message before the first item is put.
 * Whoever sends again with the key goes on from there: they put the same item, or find it there,
 * and move the same rows. So it does not matter where the first call ended. */
#pragma once

#include "lib/messages/dynamodb/table_call.h"

/* Finds the caller and what their key stands for. Goes on with `fixed` when the message is fixed
 * already, with `unknown` when nothing is known of the key. */
void claim_find(struct table_call *call, table_call_step unknown, table_call_step fixed);

/* Adds the statement of claim_find() to a batch; its row is for table_call_end_if_unknown() and
 * claim_take(). */
void claim_add_find(struct table_call *call, struct pg_batch *batch);

/* False when the row of that statement says nothing of the key. Otherwise takes group, uuid, time,
 * sender and other member from it and goes on with `fixed`, or ends the call. The caller must be
 * known. */
bool claim_take(struct table_call *call, const struct pg_result *row, table_call_step fixed);

/* Fixes the message that the call is about to write, then goes on with `fixed`. When another call
 * with the key was faster, that is the message of the other call, which is the same request. */
void claim_make(struct table_call *call, table_call_step fixed);
