/* test_sigv4.c: the signer against golden vectors of botocore's, which generate_sigv4.py of
 * tests/vectors makes. */
#include "unit.h"

#include "lib/aws/sigv4.h"

#include <jansson.h>
#include <stdio.h>

static json_t *vectors;

static const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  if (!text) fail_msg("a vector has no %s", name);
  return text;
}

static struct str str_of(const json_t *object, const char *name) {
  return str_from(text_of(object, name));
}

/* An array of pairs of texts as parameters or headers, which have the same members. */
static size_t read_pairs(const json_t *array, struct sigv4_parameter *pairs, size_t capacity) {
  size_t count = json_array_size(array);
  assert_true(count <= capacity);
  for (size_t i = 0; i < count; i++) {
    const json_t *pair = json_array_get(array, i);
    pairs[i].name = str_from(json_string_value(json_array_get(pair, 0)));
    pairs[i].value = str_from(json_string_value(json_array_get(pair, 1)));
  }
  return count;
}

static void check_vector(const json_t *vector) {
  const json_t *key = json_object_get(vector, "keys");
  struct sigv4_keys keys = {str_of(key, "access_key_id"), str_of(key, "secret_access_key"),
                            str_of(key, "session_token")};
  struct sigv4_parameter query[16], pairs[16];
  struct sigv4_header headers[16];
  size_t query_count = read_pairs(json_object_get(vector, "query"), query, 16);
  size_t header_count = read_pairs(json_object_get(vector, "headers"), pairs, 16);
  for (size_t i = 0; i < header_count; i++)
    headers[i] = (struct sigv4_header){pairs[i].name, pairs[i].value};
  struct sigv4_request request = {
      .method = text_of(vector, "method"),
      .host = str_of(vector, "host"),
      .path = str_of(vector, "path"),
      .query = query,
      .query_count = query_count,
      .headers = headers,
      .header_count = header_count,
      .body = str_of(vector, "body"),
      .service = text_of(vector, "service"),
      .region = text_of(vector, "region"),
      .unix_s = json_integer_value(json_object_get(vector, "unix_s")),
  };
  struct sigv4_signature signature;
  assert_true(sigv4_sign(&request, &keys, &signature, NULL));
  assert_string_equal(signature.date, text_of(vector, "date"));
  assert_string_equal(signature.content_sha256, text_of(vector, "content_sha256"));
  assert_str_equal(buffer_str(&signature.canonical_request), text_of(vector, "canonical_request"));
  assert_str_equal(buffer_str(&signature.authorization), text_of(vector, "authorization"));
  /* What is sent has the query in order; the vectors have it as the client wrote it. */
  if (query_count == 0)
    assert_str_equal(buffer_str(&signature.target),
                     *text_of(vector, "target") ? text_of(vector, "target") : "/");
  sigv4_signature_free(&signature);
}

static void every_vector_is_signed_the_same(void **state) {
  size_t i;
  json_t *vector;
  assert_true(json_array_size(vectors) >= 20);
  json_array_foreach(vectors, i, vector) {
    check_vector(vector);
  }
}

static struct sigv4_request plain_request(void) {
  return (struct sigv4_request){.method = "GET",
                                .host = STR("s3.ca-central-1.amazonaws.com"),
                                .service = "s3",
                                .region = "ca-central-1",
                                .unix_s = 1684626299};
}

static void what_is_sent_is_encoded_and_in_order(void **state) {
  struct sigv4_parameter query[] = {{STR("z"), STR("1 2")}, {STR("a/b"), STR("")}};
  struct sigv4_request request = plain_request();
  struct sigv4_keys keys = {STR("id"), STR("secret"), STR("")};
  request.path = STR("/a b/../\xc3\xa4+%");
  request.query = query;
  request.query_count = 2;
  struct sigv4_signature signature;
  assert_true(sigv4_sign(&request, &keys, &signature, NULL));
  assert_buffer_equal(&signature.target, "/a%20b/../%C3%A4%2B%25?a%2Fb=&z=1%202");
  sigv4_signature_free(&signature);
}

static void too_much_is_refused(void **state) {
  static struct sigv4_parameter query[SIGV4_PARAMETERS_LIMIT + 1];
  static struct sigv4_header headers[SIGV4_HEADERS_LIMIT + 1];
  struct sigv4_keys keys = {STR("id"), STR("secret"), STR("token")};
  struct sigv4_signature signature;
  struct error error;
  struct sigv4_request request = plain_request();
  for (size_t i = 0; i <= SIGV4_HEADERS_LIMIT; i++)
    headers[i] = (struct sigv4_header){STR("x-same"), STR("value")};
  request.query = query;
  request.query_count = SIGV4_PARAMETERS_LIMIT + 1;
  assert_false(sigv4_sign(&request, &keys, &signature, &error));
  assert_int_equal(error.kind, ERROR_INVALID);
  request.query_count = SIGV4_PARAMETERS_LIMIT;
  request.headers = headers;
  request.header_count = SIGV4_HEADERS_LIMIT + 1;
  assert_false(sigv4_sign(&request, &keys, &signature, &error));
  assert_int_equal(error.kind, ERROR_INVALID);
  request.header_count = SIGV4_HEADERS_LIMIT;
  assert_true(sigv4_sign(&request, &keys, &signature, &error));
  sigv4_signature_free(&signature);
}

int main(void) {
  vectors = json_load_file(SIGV4_VECTORS, 0, NULL);
  if (!vectors) {
    fprintf(stderr, "%s cannot be read\n", SIGV4_VECTORS);
    return 1;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_vector_is_signed_the_same),
      cmocka_unit_test(what_is_sent_is_encoded_and_in_order),
      cmocka_unit_test(too_much_is_refused),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  json_decref(vectors);
  return failed;
}
