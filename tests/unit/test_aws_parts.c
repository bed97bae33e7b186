/* test_aws_parts.c: the services' XML, and where the services are. */
#include "unit.h"

#include "lib/aws/endpoint.h"
#include "lib/aws/xml.h"

static void elements_are_found(void **state) {
  struct str document = STR("<?xml version=\"1.0\"?><A xmlns=\"x\">\n<B>one</B><Bb>no</Bb><B/>"
                            "<B a='1'>two</B ><C><B>three</B></C></A>");
  struct str content;
  assert_str_equal(xml_find(document, STR("C")), "<B>three</B>");
  assert_str_equal(xml_find(document, STR("Bb")), "no");
  assert_null(xml_find(document, STR("D")).data);
  struct str rest = document;
  static const char *const EXPECTED[] = {"one", "", "two", "three"};
  for (size_t i = 0; i < 4; i++) {
    assert_true(xml_next(&rest, STR("B"), &content));
    assert_str_equal(content, EXPECTED[i]);
  }
  assert_false(xml_next(&rest, STR("B"), &content));
}

static void what_is_malformed_is_not_found(void **state) {
  static const char *const DOCUMENTS[] = {"",          "<",        "<A",    "<A>",
                                          "<A>x</A",   "<A>x</B>", "</A>",  "A>x</",
                                          "<!A>x</A>", "<>",       "<A>x<", "<AA>x</AA>"};
  for (size_t i = 0; i < sizeof(DOCUMENTS) / sizeof(DOCUMENTS[0]); i++)
    assert_null(xml_find(str_from(DOCUMENTS[i]), STR("A")).data);
  assert_null(xml_find((struct str){NULL, 0}, STR("A")).data);
}

static void text_is_decoded(void **state) {
  static const struct {
    const char *content, *text;
  } CASES[] = {
      {"a&amp;b&lt;&gt;&quot;&apos;", "a&b<>\"'"},
      {"&#65;&#x42;&#xe4;&#8364;&#x1F30D;", "AB\xc3\xa4\xe2\x82\xac\xf0\x9f\x8c\x8d"},
      {"&amp;amp;", "&amp;"},
      {"&", "&"},
      {"&;&#;&#x;&#xD800;&#0;&#x110000;&#99999999;&nbsp;", "&;&#;&#x;&#xD800;&#0;&#x110000;"
                                                           "&#99999999;&nbsp;"},
      {"&averyveryverylongname;", "&averyveryverylongname;"},
      {"&amp", "&amp"},
  };
  struct buffer text = BUFFER_EMPTY;
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    xml_append_text(&text, str_from(CASES[i].content));
    assert_buffer_equal(&text, CASES[i].text);
  }
  buffer_free(&text);
}

static void text_is_escaped_and_comes_back(void **state) {
  struct buffer escaped = BUFFER_EMPTY, text = BUFFER_EMPTY;
  xml_append_escaped(&escaped, STR("a<b>&\"'\n\xc3\xa4"));
  xml_append_text(&text, buffer_str(&escaped));
  assert_buffer_equal(&text, "a<b>&\"'\n\xc3\xa4");
  assert_buffer_equal(&escaped, "a&lt;b&gt;&amp;&quot;&apos;&#10;\xc3\xa4");
  buffer_free(&escaped);
  buffer_free(&text);
}

/* Endpoints: where a request goes, by service, region, setting and bucket. */
static void services_are_located(void **state) {
  static const struct {
    enum aws_service service;
    const char *region, *setting, *bucket, *path, *host, *located;
  } CASES[] = {
      {AWS_DYNAMODB, "ca-central-1", NULL, "", "", "dynamodb.ca-central-1.amazonaws.com", "/"},
      {AWS_COGNITO, "eu-west-1", NULL, "", "", "cognito-idp.eu-west-1.amazonaws.com", "/"},
      {AWS_CLOUDFRONT, "eu-west-1", NULL, "", "/x", "cloudfront.amazonaws.com", "/x"},
      {AWS_DYNAMODB, "cn-north-1", NULL, "", "", "dynamodb.cn-north-1.amazonaws.com.cn", "/"},
      {AWS_S3, "eu-west-1", NULL, "my-bucket", "/k", "my-bucket.s3.eu-west-1.amazonaws.com", "/k"},
      {AWS_S3, "eu-west-1", NULL, "cloudnoww.com", "/k", "s3.eu-west-1.amazonaws.com",
       "/cloudnoww.com/k"},
      {AWS_S3, "eu-west-1", NULL, "Upper", "", "s3.eu-west-1.amazonaws.com", "/Upper/"},
      {AWS_S3, "eu-west-1", NULL, "", "", "s3.eu-west-1.amazonaws.com", "/"},
      {AWS_S3, "r", "http://localhost:4568/", "my-bucket", "/k", "localhost:4568", "/my-bucket/k"},
      {AWS_S3, "r", "https://host:443/pre/fix/", "b", "/k", "host", "/pre/fix/b/k"},
      {AWS_S3, "r", "http://host:80", "", "/", "host", "/"},
      {AWS_S3, "r", "http://host:443", "", "/", "host:443", "/"},
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct config config = {.aws.endpoint_s3 = CASES[i].setting};
    struct endpoint endpoint;
    struct location location;
    assert_true(endpoint_resolve(&config, CASES[i].service, CASES[i].region, &endpoint, NULL));
    endpoint_locate(&endpoint, str_from(CASES[i].bucket), str_from(CASES[i].path), &location);
    assert_buffer_equal(&location.host, CASES[i].host);
    assert_buffer_equal(&location.path, CASES[i].located);
    buffer_free(&location.host);
    buffer_free(&location.path);
    endpoint_free(&endpoint);
  }
}

static void the_general_endpoint_is_for_all_without_their_own(void **state) {
  struct config config = {.aws = {.endpoint = "http://all:1", .endpoint_dynamodb = "http://one:2"}};
  for (int service = 0; service < AWS_SERVICE_COUNT; service++) {
    struct endpoint endpoint;
    assert_true(endpoint_resolve(&config, (enum aws_service)service, "r", &endpoint, NULL));
    assert_string_equal(endpoint.host, service == AWS_DYNAMODB ? "one:2" : "all:1");
    endpoint_free(&endpoint);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(elements_are_found),
      cmocka_unit_test(what_is_malformed_is_not_found),
      cmocka_unit_test(text_is_decoded),
      cmocka_unit_test(text_is_escaped_and_comes_back),
      cmocka_unit_test(services_are_located),
      cmocka_unit_test(the_general_endpoint_is_for_all_without_their_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
