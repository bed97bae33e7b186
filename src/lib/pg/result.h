/* result.h: the result of a statement, read by column name and written as JSON. It lives as long as
 * the call of the continuation that was given it. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/uuid.h"

/* Microseconds from 1970-01-01 to 2000-01-01, where Postgres's binary timestamps begin. */
#define PG_EPOCH_UNIX_US 946684800000000LL

struct pg_result; /* libpq's own struct, which calls it PGresult */

size_t pg_result_rows(const struct pg_result *result);

/* A text column by name; empty for null. Each asserts that the row and the column exist. */
struct str pg_result_text(const struct pg_result *result, size_t row, const char *column);
struct uuid pg_result_uuid(const struct pg_result *result, size_t row, const char *column);
int64_t pg_result_timestamp(const struct pg_result *result, size_t row, const char *column);
bool pg_result_is_null(const struct pg_result *result, size_t row, const char *column);

/* Appends row `row` as a JSON object: the columns' names are the keys, the columns' types decide
 * how the values are written. A column whose name begins with '_' is for the caller and left out.
 */
void pg_result_append_object(const struct pg_result *result, size_t row, struct buffer *buffer);

/* Appends rows from `first` on, at most `count`, as an array of objects. */
void pg_result_append_array(const struct pg_result *result, size_t first, size_t count,
                            struct buffer *buffer);
