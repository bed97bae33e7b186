/* test_page.c: lists in pages: what is read of ?limit= and ?before=, and the link to the next page.
 * What the code calls of http is defined here, so that http's own is not linked. */
#include "routes/page.h"
#include "unit.h"

#include "lib/pg/batch_inside.h"

enum { DEFAULT_LIMIT = 20 };

/* A request for a list, and the Link header of its answer. */
struct http_request {
  struct str path, raw_query;
  char link[512];
};

bool http_request_query(struct http_request *request, const char *name, struct str *ret_value) {
  struct str rest = request->raw_query, pair;
  while (str_next(&rest, '&', &pair)) {
    if (!str_starts_with(pair, str_from(name)) || pair.data[strlen(name)] != '=') continue;
    *ret_value = (struct str){pair.data + strlen(name) + 1, pair.length - strlen(name) - 1};
    return true;
  }
  return false;
}

struct str http_request_path(const struct http_request *request) {
  return request->path;
}

void http_answer_header(struct http_request *request, const char *name, const char *value) {
  assert_string_equal(name, "Link");
  snprintf(request->link, sizeof(request->link), "%s", value);
}

static struct http_request request_for(const char *query) {
  return (struct http_request){.path = STR("/api/list"), .raw_query = str_from(query)};
}

/* The page that the query asks for; the code of the first broken rule, or "". */
static const char *read_page(const char *query, struct page *ret_page) {
  struct http_request request = request_for(query);
  struct codes codes = {0};
  page_read(&request, DEFAULT_LIMIT, ret_page, &codes);
  return codes.count > 0 ? codes.list[0] : "";
}

static void a_limit_is_a_number_from_1_to_100(void **state) {
  static const char *const BAD[] = {"0",   "101", "-1",   "+1",   "",     "abc",           "1e1",
                                    "0x1", "1.5", "0010", "1000", "10%0", "99999999999999"};
  struct page page;
  assert_string_equal(read_page("", &page), "");
  assert_int_equal(page.limit, DEFAULT_LIMIT);
  assert_false(page.has_cursor);
  assert_string_equal(read_page("limit=1", &page), "");
  assert_int_equal(page.limit, 1);
  assert_string_equal(read_page("term=x&limit=100", &page), "");
  assert_int_equal(page.limit, 100);
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    char query[64];
    snprintf(query, sizeof(query), "limit=%s", BAD[i]);
    assert_string_equal(read_page(query, &page), "limit_invalid");
  }
}

/* The query of the page that the request's link leads to. */
static const char *next_query(const struct http_request *request) {
  static char query[sizeof(request->link)];
  const char *begin = strchr(request->link, '?'), *end = strstr(request->link, ">; rel=\"next\"");
  assert_non_null(begin);
  assert_non_null(end);
  snprintf(query, sizeof(query), "%.*s", (int)(end - begin - 1), begin + 1);
  return query;
}

static const struct uuid SOME_UUID = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

static void a_cursor_that_we_give_is_one_that_we_take(void **state) {
  const int64_t TIMES[] = {
      0,
      1684624499123456,
      -62135596800000000, /* the year 1 */
      253402300799999999, /* the year 9999 */
      PG_TIME_INFINITY,
      PG_TIME_MINUS_INFINITY,
      -211813488000000000 + PG_EPOCH_UNIX_US,     /* 4714-11-24 BC */
      pg_time_from_postgres(9223371331199999999), /* the year 294276 */
  };
  for (size_t i = 0; i < sizeof(TIMES) / sizeof(TIMES[0]); i++) {
    struct http_request request = request_for("limit=7");
    struct page page, next;
    read_page("limit=7", &page);
    page_add_next(&request, &page, TIMES[i], &SOME_UUID);
    assert_string_equal(read_page(next_query(&request), &next), "");
    assert_true(next.has_cursor);
    assert_int_equal(next.limit, 7);
    assert_int_equal(next.created_at_us, TIMES[i]);
    assert_memory_equal(next.uuid.bytes, SOME_UUID.bytes, UUID_SIZE);
  }
}

static void any_other_cursor_is_invalid(void **state) {
  static const char *const BAD[] = {
      "before=",
      "before=x",
      "before=AQ",
      "before=AQAAAAAAAAAAAQIDBAUGBwgJCgsMDQ4PE",  /* short */
      "before=AgAAAAAAAAAAAQIDBAUGBwgJCgsMDQ4PEA", /* another version */
      "before=AYADXFzu6oAAAQIDBAUGBwgJCgsMDQ4PEA", /* the year 294277 */
      "before=Af0S2cJ8V3__AQIDBAUGBwgJCgsMDQ4PEA", /* 4714-11-23 BC */
  };
  struct page page;
  assert_string_equal(read_page("before=AQAAAAAAAAAAAQIDBAUGBwgJCgsMDQ4PEA", &page), "");
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
    assert_string_equal(read_page(BAD[i], &page), "cursor_invalid");
  assert_string_equal(read_page("before=x&limit=0", &page), "limit_invalid"); /* the first of two */
}

static void the_link_has_the_term_and_nothing_that_nobody_knows(void **state) {
  struct http_request request = request_for("term=a%20b&limit=3&&x=<1>&before=old");
  struct page page = {.limit = 3, .term = STR("a b&<\xc3\xa9>")};
  page_add_next(&request, &page, 0, &SOME_UUID);
  assert_string_equal(request.link,
                      "</api/list?limit=3&before=AQAAAAAAAAAAAQIDBAUGBwgJCgsMDQ4PEA&term=a%20b"
                      "%26%3C%C3%A9%3E>; rel=\"next\"");
}

/* --- Asking Postgres --- */

static void assert_bound(const struct pg_batch *batch, int number, const void *bytes, int length) {
  assert_int_equal(batch->calls[0].lengths[number], length);
  assert_memory_equal(batch->calls[0].values[number], bytes, (size_t)length);
}

static void a_first_page_begins_before_or_after_everything(void **state) {
  static const struct page FIRST = {.limit = 40};
  struct pg_batch *batch = batch_new(NULL, NULL, NULL);
  pg_batch_add(batch, PG_ACTIVITIES_HOME);
  page_bind_before(batch, &FIRST);
  page_bind_limit(batch, &FIRST);
  assert_true(batch_has_all_parameters(batch));
  assert_bound(batch, 0, "\x7f\xff\xff\xff\xff\xff\xff\xff", 8);
  assert_bound(batch, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
               UUID_SIZE);
  assert_bound(batch, 2, "\0\0\0\x29", 4); /* one more than the page */
  page_bind_after(batch, &FIRST);
  assert_bound(batch, 3, "\x80\0\0\0\0\0\0\0", 8);
  assert_bound(batch, 4, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", UUID_SIZE);
  batch_free(batch);
}

static void a_later_page_begins_at_its_cursor(void **state) {
  const struct page page = {
      .limit = 40, .has_cursor = true, .created_at_us = PG_EPOCH_UNIX_US + 2, .uuid = SOME_UUID};
  struct pg_batch *batch = batch_new(NULL, NULL, NULL);
  pg_batch_add(batch, PG_ACTIVITIES_SEARCH);
  page_bind_before(batch, &page);
  page_bind_after(batch, &page);
  for (int number = 0; number < 4; number += 2) {
    assert_bound(batch, number, "\0\0\0\0\0\0\0\2", 8);
    assert_bound(batch, number + 1, SOME_UUID.bytes, UUID_SIZE);
  }
  batch_free(batch);
}

/* --- Answering --- */

/* `count` rows, the first of which was made at microsecond 0 of the year 2000. */
static PGresult *rows(int count) {
  enum { TIMESTAMP = 1114, UUID = 2950 };
  PGresAttDesc columns[] = {{.name = (char *)"uuid", .typid = UUID, .format = 1},
                            {.name = (char *)"created_at", .typid = TIMESTAMP, .format = 1}};
  PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
  assert_int_equal(PQsetResultAttrs(result, 2, columns), 1);
  for (int row = 0; row < count; row++) {
    char time[8] = {[7] = (char)row};
    assert_int_equal(PQsetvalue(result, row, 0, (char *)SOME_UUID.bytes, UUID_SIZE), 1);
    assert_int_equal(PQsetvalue(result, row, 1, time, sizeof(time)), 1);
  }
  return result;
}

static unsigned count_objects(struct buffer *body) {
  unsigned count = 0;
  for (size_t i = 0; i < body->length; i++)
    count += body->data[i] == '{';
  body->length = 0;
  return count;
}

static void a_link_follows_when_there_is_a_row_too_many(void **state) {
  struct http_request request = request_for("");
  struct page page = {.limit = 2}, next;
  struct buffer body = BUFFER_EMPTY;
  PGresult *whole = rows(2), *more = rows(3);
  page_append(&request, &page, whole, &body);
  assert_string_equal(request.link, "");
  assert_int_equal(count_objects(&body), 2);
  page_append(&request, &page, more, &body);
  assert_int_equal(count_objects(&body), 2);
  assert_string_equal(read_page(next_query(&request), &next), "");
  assert_int_equal(next.created_at_us, PG_EPOCH_UNIX_US + 1); /* of the last row that is shown */
  buffer_free(&body);
  PQclear(whole);
  PQclear(more);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_limit_is_a_number_from_1_to_100),
      cmocka_unit_test(a_cursor_that_we_give_is_one_that_we_take),
      cmocka_unit_test(any_other_cursor_is_invalid),
      cmocka_unit_test(the_link_has_the_term_and_nothing_that_nobody_knows),
      cmocka_unit_test(a_first_page_begins_before_or_after_everything),
      cmocka_unit_test(a_later_page_begins_at_its_cursor),
      cmocka_unit_test(a_link_follows_when_there_is_a_row_too_many),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
