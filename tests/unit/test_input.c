/* test_input.c: fields of the body, and the list of rules that they break. */
#include "routes/input.h"
#include "unit.h"

/* A request with a body. What the code calls of http is defined here, so that http's own is not
 * linked. */
struct http_request {
  json_t *body;
};

const json_t *http_request_json(const struct http_request *request) {
  return request->body;
}

static void a_field_of_another_type_counts_as_empty(void **state) {
  struct http_request request = {json_loads(
      "{\"a\":\"text\",\"b\":1,\"c\":null,\"d\":[],\"e\":\"nul\\u0000\"}", JSON_ALLOW_NUL, NULL)};
  assert_non_null(request.body);
  assert_str_equal(input_text(&request, "a"), "text");
  assert_int_equal(input_text(&request, "e").length, 4);
  for (const char *field = "bcdx"; *field; field++) {
    const char name[] = {*field, '\0'};
    struct str text = input_text(&request, name);
    assert_non_null(text.data);
    assert_int_equal(text.length, 0);
  }
  json_decref(request.body);
}

static void every_rule_that_is_broken_is_listed_in_order(void **state) {
  struct codes codes = {0};
  input_check_text(&codes, STR(""), 3, "blank", "too_long");
  input_check_text(&codes, STR(" \t"), 3, "blank_too", "too_long");
  input_check_text(&codes, STR("\u00e9\u00e9\u00e9"), 3, "blank",
                   "too_long"); /* three, in six bytes */
  input_check_text(&codes, STR("four"), 3, "blank", "too_long");
  input_check_text(&codes, STR(""), 3, NULL, "too_long"); /* it may be blank */
  codes_add(&codes, "another");
  assert_int_equal(codes.count, 4);
  assert_string_equal(codes.list[0], "blank");
  assert_string_equal(codes.list[1], "blank_too");
  assert_string_equal(codes.list[2], "too_long");
  assert_string_equal(codes.list[3], "another");
  assert_null(codes.list[4]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_field_of_another_type_counts_as_empty),
      cmocka_unit_test(every_rule_that_is_broken_is_listed_in_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
