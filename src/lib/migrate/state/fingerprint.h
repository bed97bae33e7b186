/* fingerprint.h: a schema as sorted lines of text, so that two can be compared. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/pg/pg_session.h"

/* One row for every object, in the order of strcmp(); `rights`: with who may do what. */
bool fingerprint_read(struct pg_session *session, bool rights, struct pg_rows **ret_rows,
                      struct error *error);

/* Appends one line for every schema, table, column, constraint, index, view, sequence, type,
 * function, trigger, policy and comment that belongs neither to Postgres, nor to an extension, nor
 * to the history of migrations. The order of columns does not count. */
bool fingerprint_append(struct pg_session *session, struct buffer *lines, struct error *error);
