/* test_entries.c: items of the DynamoDB table as the entries of a list. */
#include "unit.h"

#include "lib/messages/dynamodb/entries.h"

#define UUID_A "aaaaaaaa-0000-4000-8000-000000000000"
#define UUID_B "bbbbbbbb-0000-4000-8000-000000000000"
#define UUID_C "cccccccc-0000-4000-8000-000000000000"

static struct entries entries; /* arranged by each test, freed after it */
static json_t *items;          /* the entries borrow from it */

static int set_up(void **state) {
  items = json_array();
  return !items;
}

static int tear_down(void **state) {
  entries_free(&entries);
  assert_null(entries.list);
  json_decref(items);
  return 0;
}

static void add(const char *sk, const char *uuid) {
  json_array_append_new(items,
                        json_pack("{s:{s:s}, s:{s:s}}", "sk", "S", sk, "message_uuid", "S", uuid));
}

static void arrange(const struct message_page *page) {
  assert_true(entries_arrange(&entries, items, "message_uuid", page));
}

/* The entries are those of the items of these numbers, in this order. */
static void assert_entries(const char *numbers) {
  assert_int_equal(entries.count, strlen(numbers));
  for (size_t i = 0; i < entries.count; i++) {
    assert_ptr_equal(entries.list[i].item, json_array_get(items, (size_t)(numbers[i] - '0')));
    if (i > 0) assert_true(entries_in_order(&entries.list[i - 1], &entries.list[i]));
  }
}

static void the_newest_comes_first_however_its_time_is_written(void **state) {
  const struct message_page page = {.limit = 20};
  add("2023-05-20T23:44:58", UUID_A);
  add("2023-05-20T23:44:59.000002+00:00", UUID_B);
  add("2023-05-20T23:44:59.000001", UUID_C);
  arrange(&page);
  assert_entries("120");
  assert_int_equal(entries.list[0].at_us, 1684626299000002);
}

static void of_one_time_the_greater_uuid_comes_first(void **state) {
  const struct message_page page = {.limit = 20};
  add("2023-05-20T23:44:59.000000", UUID_B);
  add("2023-05-20T23:44:59+00:00", UUID_C);
  add("2023-05-20T23:44:59", UUID_A);
  arrange(&page);
  assert_entries("102");
}

static void of_one_uuid_the_newest_item_counts(void **state) {
  const struct message_page page = {.limit = 20};
  add("2023-05-20T23:44:57", UUID_A);
  add("2023-05-20T23:44:59", UUID_A);
  add("2023-05-20T23:44:58", UUID_B);
  add("2023-05-20T23:44:58", UUID_A);
  arrange(&page);
  assert_entries("12");
}

static void only_what_is_older_than_the_cursor_is_on_a_page(void **state) {
  struct message_page page = {
      .limit = 20, .has_before = true, .before = {.created_at_us = 1684626299000000}};
  assert_true(uuid_parse(STR(UUID_B), &page.before.uuid));
  add("2023-05-20T23:44:59", UUID_A);
  add("2023-05-20T23:44:59", UUID_B);
  add("2023-05-20T23:44:59", UUID_C);
  add("2023-05-20T23:44:58", UUID_B);
  arrange(&page);
  assert_entries("0"); /* the older row of B is not its newest */
}

static void items_that_make_no_sense_are_left_out(void **state) {
  const struct message_page page = {.limit = 20};
  add("yesterday", UUID_A);
  add("2023-05-20T23:44:59", "no uuid");
  json_array_append_new(items, json_pack("{s:{s:s}}", "sk", "S", "2023-05-20T23:44:59"));
  json_array_append_new(items, json_pack("{s:{s:s}}", "message_uuid", "S", UUID_A));
  json_array_append_new(items, json_integer(7));
  add("2023-05-20T23:44:59", UUID_C);
  arrange(&page);
  assert_entries("5");
}

static void arranging_again_forgets_the_first_time(void **state) {
  const struct message_page page = {.limit = 20};
  add("2023-05-20T23:44:59", UUID_A);
  arrange(&page);
  add("2023-05-20T23:44:58", UUID_B);
  arrange(&page);
  assert_entries("01");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_newest_comes_first_however_its_time_is_written, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(of_one_time_the_greater_uuid_comes_first, set_up, tear_down),
      cmocka_unit_test_setup_teardown(of_one_uuid_the_newest_item_counts, set_up, tear_down),
      cmocka_unit_test_setup_teardown(only_what_is_older_than_the_cursor_is_on_a_page, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(items_that_make_no_sense_are_left_out, set_up, tear_down),
      cmocka_unit_test_setup_teardown(arranging_again_forgets_the_first_time, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
