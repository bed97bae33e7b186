/* test_result.c: results in Postgres's binary format, read by column and written as JSON. */
#include "unit.h"

#include "lib/pg/result.h"

#include <endian.h>
#include <libpq-fe.h>

/* Object ids of types, as Postgres sends them. */
enum { BOOL = 16, INT8 = 20, INT2 = 21, INT4 = 23, TEXT = 25, VARCHAR = 1043, TIMESTAMP = 1114 };
enum { TIMESTAMPTZ = 1184, UUID = 2950, COLUMNS_LIMIT = 8 };

struct column_of_test {
  const char *name;
  Oid type;
};

/* A result with these columns and no rows; NULL ends the list. */
static PGresult *with_columns(const struct column_of_test *columns) {
  PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
  PGresAttDesc descriptions[COLUMNS_LIMIT] = {0};
  int count = 0;
  for (; columns[count].name; count++) {
    descriptions[count].name = (char *)columns[count].name;
    descriptions[count].typid = columns[count].type;
    descriptions[count].format = 1;
  }
  assert_int_equal(PQsetResultAttrs(result, count, descriptions), 1);
  return result;
}

static void set(PGresult *result, int row, int column, const char *bytes, int length) {
  assert_int_equal(PQsetvalue(result, row, column, (char *)bytes, length), 1);
}

static void set_null(PGresult *result, int row, int column) {
  set(result, row, column, NULL, -1);
}

static const char ID[] = "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef";

static void every_type_has_its_form(void **state) {
  static const struct column_of_test COLUMNS[] = {
      {"t", TEXT},    {"v", VARCHAR},  {"b", BOOL}, {"two", INT2},
      {"four", INT4}, {"eight", INT8}, {"u", UUID}, {NULL, 0},
  };
  PGresult *result = with_columns(COLUMNS);
  struct buffer text = BUFFER_EMPTY;
  set(result, 0, 0, "a \"b\"\n", 6);
  set(result, 0, 1, "", 0);
  set(result, 0, 2, "\1", 1);
  set(result, 0, 3, "\xff\xff", 2);
  set(result, 0, 4, "\x80\0\0\0", 4);
  set(result, 0, 5, "\x7f\xff\xff\xff\xff\xff\xff\xff", 8);
  set(result, 0, 6, ID, UUID_SIZE);
  pg_result_append_object(result, 0, &text);
  assert_buffer_equal(&text, "{\"t\":\"a \\\"b\\\"\\n\",\"v\":\"\",\"b\":true,\"two\":-1,"
                             "\"four\":-2147483648,\"eight\":9223372036854775807,"
                             "\"u\":\"01234567-89ab-cdef-0123-456789abcdef\"}");
  buffer_free(&text);
  PQclear(result);
}

static void times_are_rfc_3339(void **state) {
  static const struct column_of_test COLUMNS[] = {
      {"created_at", TIMESTAMP}, {"at", TIMESTAMPTZ}, {"expires_at", TIMESTAMP}, {NULL, 0}};
  PGresult *result = with_columns(COLUMNS);
  struct buffer text = BUFFER_EMPTY;
  set(result, 0, 0, "\0\0\0\0\0\0\0\1", 8);
  set(result, 0, 1, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
  set(result, 0, 2, "\0\0\0\0\0\0\0\0", 8);
  set_null(result, 1, 0);
  pg_result_append_object(result, 0, &text);
  assert_buffer_equal(&text, "{\"created_at\":\"2000-01-01T00:00:00.000001+00:00\","
                             "\"at\":\"1999-12-31T23:59:59.999999+00:00\","
                             "\"expires_at\":\"2000-01-01T00:00:00.000000+00:00\"}");
  assert_int_equal(pg_result_timestamp(result, 0, "created_at"), PG_EPOCH_UNIX_US + 1);
  assert_int_equal(pg_result_timestamp(result, 1, "created_at"), 0);
  buffer_free(&text);
  PQclear(result);
}

/* The bytes of Postgres's number of microseconds since 2000. */
static void set_time(PGresult *result, int row, int column, int64_t pg_us) {
  uint64_t network_order = htobe64((uint64_t)pg_us);
  char bytes[sizeof(network_order)];
  memcpy(bytes, &network_order, sizeof(bytes));
  set(result, row, column, bytes, sizeof(bytes));
}

static void times_that_no_one_can_read_are_null(void **state) {
  static const struct column_of_test COLUMNS[] = {{"at", TIMESTAMP}, {NULL, 0}};
  static const struct {
    int64_t pg_us;
    const char *json;
  } TIMES[] = {
      {INT64_MAX, "null"},           /* infinity */
      {INT64_MIN, "null"},           /* -infinity */
      {9223371331199999999, "null"}, /* the last of the year 294276 */
      {-211813488000000000, "null"}, /* 4714-11-24 BC, the first that Postgres knows */
      {252455616000000000, "null"},  /* 10000-01-01 */
      {252455615999999999, "\"9999-12-31T23:59:59.999999+00:00\""},
      {-63082281600000000, "\"0001-01-01T00:00:00.000000+00:00\""},
      {-63082281600000001, "null"}, /* 0001-12-31 BC */
  };
  for (int i = 0; i < (int)(sizeof(TIMES) / sizeof(TIMES[0])); i++) {
    PGresult *result = with_columns(COLUMNS);
    struct buffer text = BUFFER_EMPTY;
    char expected[64];
    set_time(result, 0, 0, TIMES[i].pg_us);
    pg_result_append_object(result, 0, &text);
    snprintf(expected, sizeof(expected), "{\"at\":%s}", TIMES[i].json);
    assert_buffer_equal(&text, expected);
    int64_t unix_us = pg_result_timestamp(result, 0, "at");
    assert_true(pg_time_exists(unix_us));
    assert_int_equal(pg_time_to_postgres(unix_us), TIMES[i].pg_us);
    buffer_free(&text);
    PQclear(result);
  }
}

static void counts_are_never_negative_nor_null(void **state) {
  static const struct column_of_test COLUMNS[] = {{"likes_count", INT4},
                                                  {"cruds_count", INT8},
                                                  {"replies_count", INT2},
                                                  {"n", INT4},
                                                  {NULL, 0}};
  PGresult *result = with_columns(COLUMNS);
  struct buffer text = BUFFER_EMPTY;
  set_null(result, 0, 0);
  set(result, 0, 1, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
  set(result, 0, 2, "\0\x7", 2);
  set_null(result, 0, 3);
  pg_result_append_object(result, 0, &text);
  assert_buffer_equal(&text,
                      "{\"likes_count\":0,\"cruds_count\":0,\"replies_count\":7,\"n\":null}");
  buffer_free(&text);
  PQclear(result);
}

static void bytes_that_are_no_utf8_do_not_spoil_the_list(void **state) {
  static const struct column_of_test COLUMNS[] = {{"message", TEXT}, {NULL, 0}};
  PGresult *result = with_columns(COLUMNS);
  struct buffer text = BUFFER_EMPTY;
  set(result, 0, 0, "bad \xff\xfe\"\xc3", 8);
  set(result, 1, 0, "good", 4);
  pg_result_append_array(result, 0, 2, &text);
  assert_buffer_equal(&text,
                      "[{\"message\":\"bad \uFFFD\uFFFD\\\"\uFFFD\"},{\"message\":\"good\"}]");
  buffer_free(&text);
  PQclear(result);
}

static void nulls_and_columns_for_the_caller(void **state) {
  static const struct column_of_test COLUMNS[] = {
      {"_caller", UUID}, {"uuid", UUID}, {"_reused", BOOL}, {"name", TEXT}, {NULL, 0}};
  PGresult *result = with_columns(COLUMNS);
  struct buffer text = BUFFER_EMPTY;
  set(result, 0, 0, ID, UUID_SIZE);
  set_null(result, 0, 1);
  set_null(result, 0, 2);
  set_null(result, 0, 3);
  pg_result_append_object(result, 0, &text);
  assert_buffer_equal(&text, "{\"uuid\":null,\"name\":null}");
  struct uuid caller = pg_result_uuid(result, 0, "_caller");
  struct uuid none = pg_result_uuid(result, 0, "uuid");
  assert_memory_equal(caller.bytes, ID, UUID_SIZE);
  assert_memory_equal(none.bytes, (struct uuid){{0}}.bytes, UUID_SIZE);
  assert_true(pg_result_is_null(result, 0, "_reused"));
  assert_false(pg_result_is_null(result, 0, "_caller"));
  assert_str_equal(pg_result_text(result, 0, "name"), "");
  buffer_free(&text);
  PQclear(result);
}

static void an_array_is_a_part_of_the_rows(void **state) {
  static const struct column_of_test COLUMNS[] = {{"n", INT2}, {NULL, 0}};
  PGresult *result = with_columns(COLUMNS);
  struct buffer text = BUFFER_EMPTY;
  pg_result_append_array(result, 0, 10, &text);
  assert_buffer_equal(&text, "[]");
  for (int row = 0; row < 3; row++)
    set(result, row, 0, (const char[]){0, (char)row}, 2);
  assert_int_equal(pg_result_rows(result), 3);
  pg_result_append_array(result, 0, 10, &text);
  assert_buffer_equal(&text, "[{\"n\":0},{\"n\":1},{\"n\":2}]");
  pg_result_append_array(result, 0, 2, &text);
  assert_buffer_equal(&text, "[{\"n\":0},{\"n\":1}]");
  pg_result_append_array(result, 1, 2, &text);
  assert_buffer_equal(&text, "[{\"n\":1},{\"n\":2}]");
  pg_result_append_array(result, 1, 0, &text);
  assert_buffer_equal(&text, "[]");
  buffer_free(&text);
  PQclear(result);
}

/* Short keys are copied with what lies behind them: none of that may show. */
static void keys_of_every_length_are_whole(void **state) {
  for (size_t length = 1; length <= 63; length++) {
    char name[64] = {0}, expected[128];
    memset(name, 'k', length);
    const struct column_of_test columns[] = {{name, BOOL}, {"z", BOOL}, {NULL, 0}};
    PGresult *result = with_columns(columns);
    struct buffer text = BUFFER_EMPTY;
    set(result, 0, 0, "\0", 1);
    set(result, 0, 1, "\1", 1);
    pg_result_append_object(result, 0, &text);
    snprintf(expected, sizeof(expected), "{\"%s\":false,\"z\":true}", name);
    assert_buffer_equal(&text, expected);
    buffer_free(&text);
    PQclear(result);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_type_has_its_form),
      cmocka_unit_test(times_are_rfc_3339),
      cmocka_unit_test(times_that_no_one_can_read_are_null),
      cmocka_unit_test(counts_are_never_negative_nor_null),
      cmocka_unit_test(bytes_that_are_no_utf8_do_not_spoil_the_list),
      cmocka_unit_test(nulls_and_columns_for_the_caller),
      cmocka_unit_test(an_array_is_a_part_of_the_rows),
      cmocka_unit_test(keys_of_every_length_are_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
