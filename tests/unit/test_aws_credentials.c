/* test_aws_credentials.c: where credentials come from, in which order, and how they stay fresh. */
#include "credentials_bench.h"

#include "lib/base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char CREDENTIALS[] = "# comment\n"
                                  "[other]\n"
                                  "aws_access_key_id = other-id\n"
                                  "aws_secret_access_key = other-secret\n"
                                  "[default]\r\n"
                                  "; comment\r\n"
                                  "aws_access_key_id=file-id\r\n"
                                  "AWS_SECRET_ACCESS_KEY  =  file-secret/with=and#\r\n"
                                  "aws_session_token = file-token\r\n"
                                  "s3 =\n"
                                  "  aws_access_key_id = nested\n"
                                  "[profile dev]\n"
                                  "aws_access_key_id = no-profile-of-this-file\n";
static const char SETTINGS[] = "[default]\n"
                               "aws_access_key_id = settings-id\n"
                               "aws_secret_access_key = settings-secret\n"
                               "[other]\n"
                               "aws_access_key_id = no profile\n"
                               "[profile dev]\n"
                               "region = eu-north-1\n"
                               "aws_access_key_id = dev-id\n"
                               "aws_secret_access_key = dev-secret\n"
                               "[profile \"two words\"]\n"
                               "aws_access_key_id = two-id\n"
                               "aws_secret_access_key = two-secret";

static void the_environment_comes_first(void **state) {
  struct bench bench = {0};
  struct files files;
  files_start(&bench, &files, CREDENTIALS, SETTINGS);
  bench.config.aws.access_key_id = "env-id";
  bench.config.aws.secret_access_key = "env-secret";
  bench.config.aws.web_identity_token_file = files.token;
  bench_open(&bench);
  expect_keys(&bench, "env-id", "env-secret", "", "environment");
  files_stop(&bench, &files);
}

static void half_of_the_environment_is_an_error(void **state) {
  struct bench bench = {0};
  struct files files;
  files_start(&bench, &files, CREDENTIALS, SETTINGS);
  bench.config.aws.access_key_id = "env-id";
  bench_open(&bench);
  expect_none(&bench, ERROR_DENIED, "AWS_ACCESS_KEY_ID is set, but");
  files_stop(&bench, &files);
}

static void profiles_are_found(void **state) {
  static const struct {
    const char *profile, *id, *secret, *token, *source;
  } CASES[] = {
      {"default", "file-id", "file-secret/with=and#", "file-token", "profile default"},
      {"other", "other-id", "other-secret", "", "profile other"},
      {"dev", "dev-id", "dev-secret", "", "profile dev"},
      {"two words", "two-id", "two-secret", "", "profile two words"},
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct bench bench = {0};
    struct files files;
    files_start(&bench, &files, CREDENTIALS, SETTINGS);
    bench.config.aws.profile = CASES[i].profile;
    bench_open(&bench);
    expect_keys(&bench, CASES[i].id, CASES[i].secret, CASES[i].token, CASES[i].source);
    files_stop(&bench, &files);
  }
}

static void a_profile_gives_the_region(void **state) {
  struct bench bench = {0};
  struct files files;
  files_start(&bench, &files, CREDENTIALS, SETTINGS);
  bench.config.aws_region = NULL;
  bench.config.aws.profile = "dev";
  bench_open(&bench);
  char *region = endpoint_region(&bench.config);
  assert_string_equal(region, "eu-north-1");
  free(region);
  files_stop(&bench, &files);
}

static void what_a_profile_lacks_is_named(void **state) {
  static const struct {
    const char *profile, *settings, *message;
  } CASES[] = {
      {"gone", "", "the AWS profile gone (AWS_PROFILE) is neither in"},
      {"half", "[profile half]\naws_access_key_id = x\n", "but no aws_"},
      {"run", "[profile run]\ncredential_process =\n",
       "credential_process of the AWS profile run: it is"},
      {"run", "[profile run]\ncredential_process = /nonexistent x\n", "/nonexistent cannot be run"},
      {"run", "[profile run]\ncredential_process = sh -c 'echo no >&2; exit 7'\n",
       "credential_process of the AWS profile run: sh ended with exit code 7: no"},
      {"run", "[profile run]\ncredential_process = true\n", "must print a JSON object with"},
      {"run", "[profile run]\ncredential_process = echo '{\"Version\": 2}'\n", "\"Version\": 1"},
      {"run",
       "[profile run]\ncredential_process = echo '{\"Version\": 1, \"AccessKeyId\": \"a\"}'\n",
       "no AccessKeyId, or no SecretAccessKey"},
      {"run",
       "[profile run]\ncredential_process = echo '{\"Version\":1,\"AccessKeyId\":\"a\","
       "\"SecretAccessKey\":\"a secret\",\"Expiration\":\"soon\"}'\n",
       "an Expiration that is no time"},
      {"default", "", "no AWS credentials"},
      {"default", "[default]\n# \xff\xfe\n", "cannot be read as AWS settings: it is no UTF-8"},
      {"default", "\n# \naws_access_key_id=x\n[default]\n", "line 3 is in no [section]"},
      {"default", "[default]\nregion\n", "line 2 is no `name = value`"},
      {"default", "[default]\ns3 =\n  nonsense\n", "line 3 is no `name = value` of a nested"},
      {"default", "[a]\n[default]\n[a]\n", "section [a] is there twice"},
      {"default", "[default]\nRegion=a\nx=b\nregion: c\n", "section [default] has region twice"},
      {"web", "[profile web]\nweb_identity_token_file = /x\n", "AWS_ROLE_ARN"},
      {"web", "[profile web]\nweb_identity_token_file = /nonexistent\nrole_arn = r\n",
       "/nonexistent cannot be opened"},
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct bench bench = {0};
    struct files files;
    files_start(&bench, &files, "", CASES[i].settings);
    bench.config.aws.profile = CASES[i].profile;
    bench_open(&bench);
    expect_none(&bench, ERROR_DENIED, CASES[i].message);
    files_stop(&bench, &files);
  }
}

/* Somebody who hands out credentials over HTTP, strictly. */

static const char STS_ANSWER[] =
    "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
    "<AssumeRoleWithWebIdentityResult><Credentials>\n"
    "<AccessKeyId>sts-id</AccessKeyId><SecretAccessKey>sts&amp;secret</SecretAccessKey>"
    "<SessionToken>sts-token</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>"
    "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";

static bool answer_sts(struct bench *bench, int fd, unsigned number, const char *request) {
  (void)bench, (void)number;
  bool right =
      strncmp(request, "POST / HTTP/1.1\r\n", 17) == 0 && !strstr(request, "Authorization") &&
      strstr(request, "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n") &&
      strstr(request, "\r\n\r\nAction=AssumeRoleWithWebIdentity&Version=2011-06-15"
                      "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=me"
                      "&WebIdentityToken=the-token");
  return web_write_answer(fd, right ? "200 OK" : "400 Bad Request", right ? STS_ANSWER : "");
}

static void a_web_identity_is_shown_to_sts(void **state) {
  for (int from_profile = 0; from_profile < 2; from_profile++) {
    struct bench bench = {0};
    struct files files;
    char settings[256];
    files_start(&bench, &files, CREDENTIALS, "");
    bench.answer = answer_sts;
    if (from_profile) {
      unlink(files.settings);
      snprintf(settings, sizeof(settings),
               "[profile web]\nweb_identity_token_file = %s\nrole_arn = arn:aws:iam::1:role/r\n"
               "role_session_name = me\n",
               files.token);
      files_write(files.settings, settings);
      bench.config.aws.profile = "web";
    } else {
      bench.config.aws.web_identity_token_file = files.token;
      bench.config.aws.role_arn = "arn:aws:iam::1:role/r";
      bench.config.aws.role_session_name = "me";
    }
    bench_open(&bench);
    expect_keys(&bench, "sts-id", "sts&secret", "sts-token", "web identity");
    files_stop(&bench, &files);
  }
}

static const char HANDED_OUT[] =
    "{\"AccessKeyId\":\"c-id\",\"SecretAccessKey\":\"c-key\",\"Token\":\"c-token\","
    "\"Expiration\":\"2999-01-01T00:00:00.123Z\"}";

static bool answer_container(struct bench *bench, int fd, unsigned number, const char *request) {
  (void)number;
  bool right = strncmp(request, "GET /keys?a=b HTTP/1.1\r\n", 24) == 0 &&
               strstr(request, "Accept: application/json\r\n") && strstr(request, bench->argument);
  return web_write_answer(fd, right ? "200 OK" : "403 Forbidden", right ? HANDED_OUT : "secret!");
}

static void a_container_endpoint_is_asked(void **state) {
  for (int i = 0; i < 3; i++) {
    struct bench bench = {.argument = i == 0 ? "GET /keys" : "Authorization: the-token\r\n"};
    struct files files;
    char url[256];
    if (i == 1) bench.argument = "Authorization: direct\r\n";
    files_start(&bench, &files, "", "");
    bench.answer = answer_container;
    snprintf(url, sizeof(url), "%s", web_url(bench.web, "/keys?a=b"));
    bench.config.aws.container_full_uri = url;
    if (i >= 1) bench.config.aws.container_token = "direct";
    if (i == 2) bench.config.aws.container_token_file = files.token; /* it goes before */
    bench_open(&bench);
    expect_keys(&bench, "c-id", "c-key", "c-token", "container endpoint");
    files_stop(&bench, &files);
  }
}

static void a_container_endpoint_elsewhere_is_refused(void **state) {
  static const char *const URLS[] = {"http://example.com/keys", "http://127.0.0.1.example.com/",
                                     "http://127.0.0.1@example.com/", "ftp://127.0.0.1/"};
  for (size_t i = 0; i < sizeof(URLS) / sizeof(URLS[0]); i++) {
    struct bench bench = {0};
    struct files files;
    files_start(&bench, &files, "", "");
    bench.config.aws.container_full_uri = URLS[i];
    bench_open(&bench);
    expect_none(&bench, ERROR_DENIED, "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https:");
    files_stop(&bench, &files);
  }
}

static bool answer_instance(struct bench *bench, int fd, unsigned number, const char *request) {
  static const char ROLES[] = "GET /imds/latest/meta-data/iam/security-credentials/ HTTP/1.1\r\n";
  static const char ROLE[] =
      "GET /imds/latest/meta-data/iam/security-credentials/my%20role HTTP/1.1\r\n";
  bool has_token = strstr(request, "X-aws-ec2-metadata-token: session\r\n") != NULL;
  (void)bench;
  if (number == 0 && strncmp(request, "PUT /imds/latest/api/token HTTP/1.1\r\n", 37) == 0 &&
      strstr(request, "X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"))
    return web_write_answer(fd, "200 OK", "session");
  if (number == 1 && has_token && strncmp(request, ROLES, strlen(ROLES)) == 0)
    return web_write_answer(fd, "200 OK", "my role\nsecond");
  if (number == 2 && has_token && strncmp(request, ROLE, strlen(ROLE)) == 0)
    return web_write_answer(fd, "200 OK", HANDED_OUT);
  return web_write_answer(fd, "401 Unauthorized", "");
}

static bool answer_no_role(struct bench *bench, int fd, unsigned number, const char *request) {
  (void)request, (void)bench;
  return web_write_answer(fd, number == 0 ? "200 OK" : "404 Not Found", "session");
}

static void the_instance_is_asked_last(void **state) {
  for (int i = 0; i < 3; i++) {
    struct bench bench = {0};
    struct files files;
    char url[256];
    files_start(&bench, &files, "", "");
    bench.answer = i == 0 ? answer_instance : answer_no_role;
    snprintf(url, sizeof(url), "%s", web_url(bench.web, "/imds/"));
    bench.config.aws.metadata_endpoint = i == 2 ? "http://127.0.0.1:1" : url;
    bench.config.aws.metadata_disabled = false;
    bench_open(&bench);
    if (i == 0)
      expect_keys(&bench, "c-id", "c-key", "c-token", "instance metadata");
    else
      expect_none(&bench, ERROR_DENIED,
                  i == 1 ? "this instance has no role" : "no instance metadata service answers");
    files_stop(&bench, &files);
  }
}

/* What a container endpoint may answer, and what comes of it after all tries. */
static const struct bad_answer {
  const char *status_line, *body, *message;
  enum error_kind kind;
  unsigned requests;
} BAD_ANSWERS[] = {
    {"500 Oops", "", "endpoint answered with status 500", ERROR_UNAVAILABLE, 3},
    {"404 Gone", "a secret", "endpoint answered with status 404", ERROR_DENIED, 1},
    {"200 OK", "", "answered without credentials", ERROR_UNAVAILABLE, 3},
    {"200 OK", "[1,2", "answered without credentials", ERROR_UNAVAILABLE, 3},
    {"200 OK", "{\"AccessKeyId\":1}", "answered without credentials", ERROR_UNAVAILABLE, 3},
    {"200 OK", "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"secret\",\"Expiration\":\"soon\"}",
     "answered without credentials", ERROR_UNAVAILABLE, 3},
    {NULL, NULL, "the container's credentials endpoint: ", ERROR_UNAVAILABLE, 3},
};

static bool answer_badly(struct bench *bench, int fd, unsigned number, const char *request) {
  const struct bad_answer *bad = bench->argument;
  (void)request, (void)number;
  return bad->status_line && web_write_answer(fd, bad->status_line, bad->body);
}

static void bad_answers_are_errors(void **state) {
  for (size_t i = 0; i < sizeof(BAD_ANSWERS) / sizeof(BAD_ANSWERS[0]); i++) {
    struct bench bench = {.argument = (void *)(uintptr_t)&BAD_ANSWERS[i]};
    struct files files;
    char url[256];
    files_start(&bench, &files, "", "");
    bench.answer = answer_badly;
    snprintf(url, sizeof(url), "%s", web_url(bench.web, "/"));
    bench.config.aws.container_full_uri = url;
    bench_open_timed(&bench, &QUICK);
    expect_none(&bench, BAD_ANSWERS[i].kind, BAD_ANSWERS[i].message);
    expect_none(&bench, BAD_ANSWERS[i].kind, BAD_ANSWERS[i].message); /* no new round so soon */
    assert_int_equal(bench_request_count(&bench), BAD_ANSWERS[i].requests);
    files_stop(&bench, &files);
  }
}

/* Keys that expire: number N is handed out for the Nth request; the argument says until when. */
struct lease {
  int64_t seconds;
  atomic_uint failing; /* answers 500 while it is not 0 */
};

static bool answer_lease(struct bench *bench, int fd, unsigned number, const char *request) {
  struct lease *lease = bench->argument;
  char body[256], expiry[40];
  (void)request;
  if (lease->failing) return web_write_answer(fd, "500 Oops", "");
  clock_format_rfc3339(clock_unix_us() + lease->seconds * 1000000, expiry);
  snprintf(expiry + 19, sizeof(expiry) - 19, "Z"); /* whole seconds */
  snprintf(body, sizeof(body),
           "{\"AccessKeyId\":\"id%u\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
           "\"Expiration\":\"%s\"}",
           number, expiry);
  return web_write_answer(fd, "200 OK", body);
}

static void open_lease(struct bench *bench, struct files *files, struct lease *lease,
                       char url[256]) {
  struct aws_provider_timing timing = QUICK;
  timing.failure_ms = 1;
  timing.advance_ms = 3600 * 1000;
  bench->argument = lease;
  files_start(bench, files, "", "");
  bench->argument = lease;
  bench->answer = answer_lease;
  snprintf(url, 256, "%s", web_url(bench->web, "/"));
  bench->config.aws.container_full_uri = url;
  bench_open_timed(bench, &timing);
}

static void keys_are_renewed_before_they_expire(void **state) {
  struct lease lease = {.seconds = 2};
  struct bench bench = {0};
  struct files files;
  char url[256];
  open_lease(&bench, &files, &lease, url);
  run_until_id_is(&bench, "id0");
  run_until_id_is(&bench, "id1"); /* nobody asked for it: the old ones were good */
  files_stop(&bench, &files);
}

static void old_keys_serve_while_new_ones_fail(void **state) {
  struct lease lease = {.seconds = 3};
  struct bench bench = {0};
  struct files files;
  char url[256];
  open_lease(&bench, &files, &lease, url);
  run_until_id_is(&bench, "id0");
  lease.failing = 1;
  while (bench_request_count(&bench) < 3)
    uv_run(loop_uv(bench.loop), UV_RUN_ONCE);
  expect_keys(&bench, "id0", "s", "t", "container endpoint");
  for (enum refresher_taken taken = REFRESHER_TAKEN;
       taken == REFRESHER_TAKEN;) { /* until they have expired */
    struct aws_credentials *credentials = NULL;
    struct error error = {0};
    taken = bench_take(&bench, &credentials, &error);
    aws_credentials_unref(credentials);
    if (taken == REFRESHER_NONE) assert_int_equal(error.kind, ERROR_UNAVAILABLE);
    if (taken == REFRESHER_TAKEN) uv_run(loop_uv(bench.loop), UV_RUN_ONCE);
  }
  lease.failing = 0;
  lease.seconds = 3600;
  for (;;) { /* it recovers by itself */
    struct aws_credentials *credentials;
    struct error error = {0};
    enum refresher_taken taken = bench_take(&bench, &credentials, &error);
    aws_credentials_unref(credentials);
    if (taken == REFRESHER_TAKEN) break;
    uv_run(loop_uv(bench.loop), UV_RUN_ONCE);
  }
  files_stop(&bench, &files);
}

static void closing_while_it_looks_is_clean(void **state) {
  for (int turns = 0; turns < 40; turns++) { /* at every point of a search that goes wrong */
    static const struct bad_answer BAD = {"500 Oops", "", "", ERROR_NONE, 0};
    struct bench bench = {.argument = (void *)(uintptr_t)&BAD};
    struct files files;
    char url[256];
    files_start(&bench, &files, "", "");
    bench.answer = answer_badly;
    snprintf(url, sizeof(url), "%s", web_url(bench.web, "/"));
    bench.config.aws.container_full_uri = url;
    bench_open_timed(&bench, &QUICK);
    for (int i = 0; i < turns; i++)
      uv_run(loop_uv(bench.loop), UV_RUN_NOWAIT);
    files_stop(&bench, &files);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_environment_comes_first),
      cmocka_unit_test(half_of_the_environment_is_an_error),
      cmocka_unit_test(profiles_are_found),
      cmocka_unit_test(a_profile_gives_the_region),
      cmocka_unit_test(what_a_profile_lacks_is_named),
      cmocka_unit_test(a_web_identity_is_shown_to_sts),
      cmocka_unit_test(a_container_endpoint_is_asked),
      cmocka_unit_test(a_container_endpoint_elsewhere_is_refused),
      cmocka_unit_test(the_instance_is_asked_last),
      cmocka_unit_test(bad_answers_are_errors),
      cmocka_unit_test(keys_are_renewed_before_they_expire),
      cmocka_unit_test(old_keys_serve_while_new_ones_fail),
      cmocka_unit_test(closing_while_it_looks_is_clean),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
