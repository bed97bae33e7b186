/* result.c: results in Postgres's binary format, read by column name and written as JSON. */
#include "lib/base/clock.h"
#include "lib/base/json_writer.h"
#include "lib/pg/batch.h"

#include <assert.h>
#include <endian.h>

/* Types' object ids, fixed for ever (Postgres: src/include/catalog/pg_type.dat). */
enum {
  TYPE_BOOL = 16,
  TYPE_INT8 = 20,
  TYPE_INT2 = 21,
  TYPE_INT4 = 23,
  TYPE_TEXT = 25,
  TYPE_VARCHAR = 1043,
  TYPE_TIMESTAMP = 1114,
  TYPE_TIMESTAMPTZ = 1184,
  TYPE_UUID = 2950,
};

enum { RESULT_COLUMNS = 32, VALUE_TEXT_SIZE = 64 }; /* longer than a UUID and a time */

/* A struct pg_result is libpq's result under a name that the other rooms may know. */
static const PGresult *raw(const struct pg_result *result) {
  return (const PGresult *)result;
}

static int64_t read_int(const char *bytes, int length) {
  uint64_t number = 0;
  for (int i = 0; i < length; i++)
    number = number << 8 | (unsigned char)bytes[i];
  unsigned unused_bits = 64 - 8 * (unsigned)length;
  return (int64_t)(number << unused_bits) >> unused_bits;
}

static int64_t read_timestamp(const char *bytes) {
  int64_t pg_us = read_int(bytes, 8);
  if (pg_us > INT64_MAX - PG_EPOCH_UNIX_US) return INT64_MAX; /* 'infinity' */
  return pg_us + PG_EPOCH_UNIX_US;
}

size_t pg_result_rows(const struct pg_result *result) {
  return (size_t)PQntuples(raw(result));
}

static int column_of(const struct pg_result *result, const char *column) {
  int number = PQfnumber(raw(result), column);
  assert(number >= 0 && "the statement has no such column");
  return number;
}

struct str pg_result_text(const struct pg_result *result, size_t row, const char *column) {
  int number = column_of(result, column);
  if (PQgetisnull(raw(result), (int)row, number)) return (struct str){"", 0};
  return (struct str){PQgetvalue(raw(result), (int)row, number),
                      (size_t)PQgetlength(raw(result), (int)row, number)};
}

bool pg_result_is_null(const struct pg_result *result, size_t row, const char *column) {
  return PQgetisnull(raw(result), (int)row, column_of(result, column));
}

struct uuid pg_result_uuid(const struct pg_result *result, size_t row, const char *column) {
  struct str value = pg_result_text(result, row, column);
  struct uuid uuid = {0};
  if (value.length == UUID_SIZE) memcpy(uuid.bytes, value.data, UUID_SIZE);
  return uuid;
}

int64_t pg_result_timestamp(const struct pg_result *result, size_t row, const char *column) {
  struct str value = pg_result_text(result, row, column);
  return value.length == 8 ? read_timestamp(value.data) : 0;
}

struct column {
  Oid type;
  bool hidden;
  struct str name;
};

static int read_columns(const PGresult *result, struct column columns[RESULT_COLUMNS]) {
  int count = PQnfields(result);
  assert(count <= RESULT_COLUMNS);
  for (int i = 0; i < count; i++) {
    columns[i].type = PQftype(result, i);
    columns[i].name = str_from(PQfname(result, i));
    columns[i].hidden = columns[i].name.data[0] == '_';
  }
  return count;
}

static void append_quoted(struct buffer *buffer, const char *text, size_t length) {
  buffer_append_char(buffer, '"');
  buffer_append(buffer, text, length);
  buffer_append_char(buffer, '"');
}

static void append_value(struct buffer *buffer, Oid type, const char *bytes, int length) {
  char text[VALUE_TEXT_SIZE];
  switch (type) {
  case TYPE_UUID:
    uuid_format((const unsigned char *)bytes, text);
    append_quoted(buffer, text, UUID_TEXT_LENGTH);
    break;
  case TYPE_TIMESTAMP:
  case TYPE_TIMESTAMPTZ:
    append_quoted(buffer, text, clock_format_rfc3339(read_timestamp(bytes), text));
    break;
  case TYPE_INT2:
  case TYPE_INT4:
  case TYPE_INT8: json_append_int(buffer, read_int(bytes, length)); break;
  case TYPE_BOOL: buffer_append_str(buffer, bytes[0] ? STR("true") : STR("false")); break;
  case TYPE_TEXT:
  case TYPE_VARCHAR: json_append_string(buffer, (struct str){bytes, (size_t)length}); break;
  default: assert(false && "a column of a type that has no JSON form: cast it in the statement");
  }
}

static void append_row(const PGresult *result, int row, const struct column *columns, int count,
                       struct buffer *buffer) {
  char separator = '{';
  for (int i = 0; i < count; i++) {
    if (columns[i].hidden) continue;
    buffer_append_char(buffer, separator);
    append_quoted(buffer, columns[i].name.data, columns[i].name.length);
    buffer_append_char(buffer, ':');
    if (PQgetisnull(result, row, i))
      buffer_append(buffer, "null", 4);
    else
      append_value(buffer, columns[i].type, PQgetvalue(result, row, i),
                   PQgetlength(result, row, i));
    separator = ',';
  }
  buffer_append_char(buffer, '}');
}

void pg_result_append_object(const struct pg_result *result, size_t row, struct buffer *buffer) {
  struct column columns[RESULT_COLUMNS];
  int count = read_columns(raw(result), columns);
  append_row(raw(result), (int)row, columns, count, buffer);
}

void pg_result_append_array(const struct pg_result *result, size_t first, size_t count,
                            struct buffer *buffer) {
  struct column columns[RESULT_COLUMNS];
  int column_count = read_columns(raw(result), columns);
  size_t rows = pg_result_rows(result);
  size_t end = first + count < rows ? first + count : rows;
  buffer_append_char(buffer, '[');
  for (size_t row = first; row < end; row++) {
    if (row > first) buffer_append_char(buffer, ',');
    append_row(raw(result), (int)row, columns, column_count, buffer);
  }
  buffer_append_char(buffer, ']');
}
