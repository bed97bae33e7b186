/* result.h: the result of a statement, read by column name and written as JSON. It lives as long as
 * the call of the continuation that was given it. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/uuid.h"
#include "lib/pg/pg_time.h"

struct pg_result; /* libpq's own struct, which calls it PGresult */

size_t pg_result_rows(const struct pg_result *result);

/* A text column by name; empty for null. Each asserts that the row and the column exist. */
struct str pg_result_text(const struct pg_result *result, size_t row, const char *column);
struct uuid pg_result_uuid(const struct pg_result *result, size_t row, const char *column);
int64_t pg_result_timestamp(const struct pg_result *result, size_t row, const char *column);
bool pg_result_is_null(const struct pg_result *result, size_t row, const char *column);

/* Appends row `row` as a JSON object: the columns' names are the keys, the columns' types decide
 * how the values are written. A column whose name begins with '_' is for the caller and left out.
 * A row that is odd is shown as well as it can be, so that it never spoils a list: a time outside
 * the years 1 to 9999 is null, a count (a column whose name ends with "_count") that is null or
 * negative is 0, and a byte that is no UTF-8 becomes U+FFFD. */
void pg_result_append_object(const struct pg_result *result, size_t row, struct buffer *buffer);

/* Appends rows from `first` on, at most `count`, as an array of objects. */
void pg_result_append_array(const struct pg_result *result, size_t first, size_t count,
                            struct buffer *buffer);
