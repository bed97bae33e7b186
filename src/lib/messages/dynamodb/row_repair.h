/* row_repair.h: moving the rows of a group to a message that its sender left behind, by somebody
 * who read it, after they were answered. */
#pragma once

#include "lib/messages/dynamodb/table_call.h"

struct row_repair;

/* Makes a repair that moves the rows of the group of `call` to a message, and takes both members
 * out of the call. NULL when it cannot be now: one of that group is under way, too many are, the
 * store closes, or memory is out. The rows then wait for the next reader or sender. */
struct row_repair *row_repair_new(struct table_call *call, int64_t at_us, struct str text);

/* Begins it; it ends and frees by itself. Takes NULL. */
void row_repair_begin(struct row_repair *repair);
