/* test_aws_parts.c: the services' XML, and where the services are. */
#include "unit.h"

#include "lib/aws/endpoint.h"
#include "lib/aws/xml.h"

static bool append_element(const char *path, struct str text, void *argument) {
  buffer_append_format(argument, "%s=%.*s;", path, (int)text.length, text.data);
  return true;
}

static void expect_refusal(struct str document, const char *root, const char *reason) {
  struct buffer read = BUFFER_EMPTY;
  struct error error = {0};
  assert_false(xml_read(document, root, append_element, &read, &error));
  assert_int_equal(error.kind, ERROR_UNAVAILABLE);
  if (!strstr(error.message, reason)) fail_msg("'%s' is not in '%s'", reason, error.message);
  buffer_free(&read);
}

static void documents_are_read_whole_or_not(void **state) {
  struct buffer read = BUFFER_EMPTY;
  struct error error = {0};
  static const char XML[] = "<?xml version=\"1.0\"?><R xmlns=\"x\"><A><B>1 &amp; 2</B></A><C/></R>";
  assert_true(xml_read(str_from(XML), "R", append_element, &read, &error));
  assert_buffer_equal(&read, "A/B=1 & 2;A=;C=;");
  read.length = 0;
  assert_true(xml_read(str_from(XML), NULL, append_element, &read, &error));
  assert_buffer_equal(&read, "A/B=1 & 2;A=;C=;");
  for (size_t cut = 0; cut + 1 < sizeof(XML); cut++)
    expect_refusal((struct str){XML, cut}, "R", "no whole R");
  buffer_free(&read);
}

static void documents_are_bounded(void **state) {
  expect_refusal(STR("<R><A/></R>"), "Other", "another answer than expected");
  expect_refusal(STR("<R/>"), "Other", "another answer than expected");
  expect_refusal(STR("<!DOCTYPE R [<!ENTITY a \"aaaa\">]><R>&a;</R>"), "R", "document type");
  struct buffer deep = BUFFER_EMPTY;
  for (int i = 0; i < XML_DEPTH_LIMIT; i++)
    buffer_append_text(&deep, "<R>");
  buffer_append_text(&deep, "<R/>"); /* its end comes though its start was refused */
  expect_refusal(buffer_str(&deep), "R", "nested too deeply");
  deep.length = 0;
  buffer_append_text(&deep, "<R><");
  for (int i = 0; i < XML_PATH_LIMIT; i++)
    buffer_append_char(&deep, 'a');
  buffer_append_text(&deep, "/></R>");
  expect_refusal(buffer_str(&deep), "R", "nested too deeply");
  assert_true(buffer_reserve(&deep, XML_SIZE_LIMIT + 1));
  memset(deep.data, ' ', XML_SIZE_LIMIT + 1);
  memcpy(deep.data, "<R/>", 4);
  expect_refusal((struct str){deep.data, XML_SIZE_LIMIT + 1}, "R", "longer than 16777216 bytes");
  assert_true(xml_read((struct str){deep.data, XML_SIZE_LIMIT}, "R", append_element, NULL, NULL));
  buffer_free(&deep);
}

static void paths_are_compared_by_their_ends(void **state) {
  assert_true(xml_path_ends("Code", "Code"));
  assert_true(xml_path_ends("Error/Code", "Code"));
  assert_true(xml_path_ends("A/Error/Code", "Error/Code"));
  assert_false(xml_path_ends("Error/StatusCode", "Code"));
  assert_false(xml_path_ends("Code/More", "Code"));
  assert_false(xml_path_ends("", "Code"));
}

static bool keep_text(const char *path, struct str text, void *argument) {
  buffer_append_str(argument, text);
  return true;
}

static void text_is_decoded(void **state) {
  static const struct {
    const char *content, *text; /* NULL: no XML */
  } CASES[] = {
      {"a&amp;b&lt;&gt;&quot;&apos;", "a&b<>\"'"},
      {"&#65;&#x42;&#xe4;&#8364;&#x1F30D;", "AB\xc3\xa4\xe2\x82\xac\xf0\x9f\x8c\x8d"},
      {"&amp;amp;", "&amp;"},
      {"<![CDATA[<&]]>", "<&"},
      {"&", NULL},
      {"&;", NULL},
      {"&#xD800;", NULL},
      {"&#0;", NULL},
      {"&nbsp;", NULL},
      {"\xff", NULL},
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct buffer text = BUFFER_EMPTY, document = BUFFER_EMPTY;
    buffer_append_format(&document, "<R><T>%s</T></R>", CASES[i].content);
    bool read = xml_read(buffer_str(&document), "R", keep_text, &text, NULL);
    assert_int_equal(read, CASES[i].text != NULL);
    if (read) assert_buffer_equal(&text, CASES[i].text);
    buffer_free(&text);
    buffer_free(&document);
  }
}

static void text_is_escaped_and_comes_back(void **state) {
  struct buffer document = BUFFER_EMPTY, text = BUFFER_EMPTY;
  buffer_append_text(&document, "<R><T>");
  xml_append_escaped(&document, STR("a<b>&\"'\n\xc3\xa4"));
  buffer_append_text(&document, "</T></R>");
  assert_true(xml_read(buffer_str(&document), "R", keep_text, &text, NULL));
  assert_buffer_equal(&document, "<R><T>a&lt;b&gt;&amp;&quot;&apos;&#10;\xc3\xa4</T></R>");
  assert_buffer_equal(&text, "a<b>&\"'\n\xc3\xa4");
  buffer_free(&document);
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
    struct endpoint_location location;
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
      cmocka_unit_test(documents_are_read_whole_or_not),
      cmocka_unit_test(documents_are_bounded),
      cmocka_unit_test(paths_are_compared_by_their_ends),
      cmocka_unit_test(text_is_decoded),
      cmocka_unit_test(text_is_escaped_and_comes_back),
      cmocka_unit_test(services_are_located),
      cmocka_unit_test(the_general_endpoint_is_for_all_without_their_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
