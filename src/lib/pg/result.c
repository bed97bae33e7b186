/* result.c: results in Postgres's binary format, read by column name and written as JSON. */
#include "lib/pg/result.h"

#include "lib/base/clock.h"
#include "lib/base/json_writer.h"

#include <assert.h>
#include <endian.h>
#include <libpq-fe.h>

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

enum {
  RESULT_COLUMNS = 32,
  NAME_LIMIT = 63,           /* bytes of a column's name (Postgres: NAMEDATALEN) */
  KEY_SIZE = NAME_LIMIT + 4, /* ,"name": */
  KEY_COPIED = 32,           /* most keys are shorter, and a fixed size is copied faster */
  VALUE_TEXT_SIZE = 64,      /* longer than a UUID and a time in quotes */
};

_Static_assert(KEY_COPIED <= KEY_SIZE, "a key that is copied lies within its column");
_Static_assert(UUID_TEXT_LENGTH + 2 <= VALUE_TEXT_SIZE, "a UUID in quotes fits");
_Static_assert(CLOCK_RFC3339_SIZE + 2 <= VALUE_TEXT_SIZE, "a time in quotes fits");

/* Binary values are big-endian. */
static int64_t read_int64(const char *bytes) {
  uint64_t number;
  memcpy(&number, bytes, sizeof(number));
  return (int64_t)be64toh(number);
}

static int32_t read_int32(const char *bytes) {
  uint32_t number;
  memcpy(&number, bytes, sizeof(number));
  return (int32_t)be32toh(number);
}

static int16_t read_int16(const char *bytes) {
  uint16_t number;
  memcpy(&number, bytes, sizeof(number));
  return (int16_t)be16toh(number);
}

static int64_t read_timestamp(const char *bytes) {
  return pg_time_from_postgres(read_int64(bytes));
}

size_t pg_result_rows(const struct pg_result *result) {
  return (size_t)PQntuples(result);
}

/* The number of a column of a row that is there. */
static int column_of(const struct pg_result *result, size_t row, const char *column) {
  int number = PQfnumber(result, column);
  assert(row < pg_result_rows(result));
  assert(number >= 0 && "the statement has no such column");
  return number;
}

struct str pg_result_text(const struct pg_result *result, size_t row, const char *column) {
  int number = column_of(result, row, column);
  if (PQgetisnull(result, (int)row, number)) return (struct str){"", 0};
  return (struct str){PQgetvalue(result, (int)row, number),
                      (size_t)PQgetlength(result, (int)row, number)};
}

bool pg_result_is_null(const struct pg_result *result, size_t row, const char *column) {
  return PQgetisnull(result, (int)row, column_of(result, row, column));
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

/* How a type's values are written: decided once for a column, not for each value. */
enum form {
  FORM_TEXT,
  FORM_UUID,
  FORM_TIMESTAMP,
  FORM_INT2,
  FORM_INT4,
  FORM_INT8,
  FORM_BOOL,
};

static enum form form_of(Oid type) {
  switch (type) {
  case TYPE_TEXT:
  case TYPE_VARCHAR: return FORM_TEXT;
  case TYPE_UUID: return FORM_UUID;
  case TYPE_TIMESTAMP:
  case TYPE_TIMESTAMPTZ: return FORM_TIMESTAMP;
  case TYPE_INT2: return FORM_INT2;
  case TYPE_INT4: return FORM_INT4;
  case TYPE_INT8: return FORM_INT8;
  case TYPE_BOOL: return FORM_BOOL;
  default: assert(false && "a column of a type that has no JSON form: cast it in the statement");
  }
  return FORM_TEXT;
}

/* A column that is written, with the bytes that come before each of its values: ,"name": or, for
 * the first, {"name": */
struct column {
  int number;
  enum form form;
  bool is_count;
  size_t key_length;
  char key[KEY_SIZE];
};

static void render_key(struct column *column, char separator, struct str name) {
  assert(name.length <= NAME_LIMIT);
  char *at = column->key;
  *at++ = separator;
  *at++ = '"';
  memcpy(at, name.data, name.length);
  at += name.length;
  *at++ = '"';
  *at++ = ':';
  column->key_length = (size_t)(at - column->key);
}

static bool ends_with_count(struct str name) {
  struct str end = STR("_count");
  return name.length >= end.length &&
         memcmp(name.data + name.length - end.length, end.data, end.length) == 0;
}

/* Reads the columns that are written and renders their keys, once for all rows. */
static int read_columns(const PGresult *result, struct column columns[RESULT_COLUMNS]) {
  int fields = PQnfields(result), count = 0;
  assert(fields <= RESULT_COLUMNS);
  for (int i = 0; i < fields; i++) {
    struct str name = str_from(PQfname(result, i));
    if (name.data[0] == '_') continue;
    struct column *column = &columns[count];
    column->number = i;
    column->form = form_of(PQftype(result, i));
    column->is_count = ends_with_count(name);
    render_key(column, count == 0 ? '{' : ',', name);
    count++;
  }
  assert(count > 0 && "the statement has no column to write");
  return count;
}

/* Copying a number of bytes that the compiler knows takes a few instructions, so a short key is
 * copied with what lies behind it. There is room for KEY_SIZE bytes. */
static inline void copy_key(char *to, const struct column *column) {
  memcpy(to, column->key, KEY_COPIED);
  if (column->key_length > KEY_COPIED) memcpy(to, column->key, column->key_length);
}

static size_t write_word(char *text, struct str word) {
  memcpy(text, word.data, word.length);
  return word.length;
}

static size_t write_uuid(char *text, const char *bytes) {
  text[0] = '"';
  uuid_format((const unsigned char *)bytes, text + 1);
  text[UUID_TEXT_LENGTH + 1] = '"';
  return UUID_TEXT_LENGTH + 2;
}

static size_t write_timestamp(char *text, const char *bytes) {
  int64_t unix_us = read_timestamp(bytes);
  if (!clock_is_shown(unix_us)) return write_word(text, STR("null"));
  text[0] = '"';
  size_t length = clock_format_rfc3339(unix_us, text + 1);
  text[length + 1] = '"';
  return length + 2;
}

static size_t write_bool(char *text, bool value) {
  return write_word(text, value ? STR("true") : STR("false"));
}

/* Writes a value that is no text, for which there is room of VALUE_TEXT_SIZE; returns its length.
 */
static inline size_t write_value(char *text, enum form form, const char *bytes) {
  switch (form) {
  case FORM_UUID: return write_uuid(text, bytes);
  case FORM_TIMESTAMP: return write_timestamp(text, bytes);
  case FORM_INT2: return json_writer_format_int(text, read_int16(bytes));
  case FORM_INT4: return json_writer_format_int(text, read_int32(bytes));
  case FORM_INT8: return json_writer_format_int(text, read_int64(bytes));
  case FORM_BOOL: return write_bool(text, bytes[0]);
  case FORM_TEXT: break; /* of any length: json_writer_mended() */
  }
  return 0;
}

static inline void append_field(const PGresult *result, int row, const struct column *column,
                                struct buffer *buffer) {
  if (!buffer_reserve(buffer, KEY_SIZE + VALUE_TEXT_SIZE)) return;
  copy_key(buffer->data + buffer->length, column);
  buffer->length += column->key_length;
  int length = PQgetlength(result, row, column->number);
  if (length == 0 && PQgetisnull(result, row, column->number)) {
    buffer_append_text(buffer, column->is_count ? "0" : "null");
    return;
  }
  const char *bytes = PQgetvalue(result, row, column->number);
  if (column->form == FORM_TEXT)
    json_writer_mended(buffer, (struct str){bytes, (size_t)length});
  else if (column->is_count && bytes[0] < 0) /* big-endian: the first bit is the sign */
    buffer_append_char(buffer, '0');
  else
    buffer->length += write_value(buffer->data + buffer->length, column->form, bytes);
}

static inline void append_row(const PGresult *result, int row, const struct column *columns,
                              int count, struct buffer *buffer) {
  for (int i = 0; i < count; i++)
    append_field(result, row, &columns[i], buffer);
  buffer_append_char(buffer, '}');
}

void pg_result_append_object(const struct pg_result *result, size_t row, struct buffer *buffer) {
  struct column columns[RESULT_COLUMNS];
  assert(row < pg_result_rows(result));
  int count = read_columns(result, columns);
  append_row(result, (int)row, columns, count, buffer);
}

void pg_result_append_array(const struct pg_result *result, size_t first, size_t count,
                            struct buffer *buffer) {
  struct column columns[RESULT_COLUMNS];
  int column_count = read_columns(result, columns);
  size_t rows = pg_result_rows(result);
  size_t end = first + count < rows ? first + count : rows;
  buffer_append_char(buffer, '[');
  for (size_t row = first; row < end; row++) {
    if (row > first) buffer_append_char(buffer, ',');
    append_row(result, (int)row, columns, column_count, buffer);
  }
  buffer_append_char(buffer, ']');
}
