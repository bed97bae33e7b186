/* test_aws_profiles.c: profiles whose credentials come from elsewhere: roles, programs, SSO. What
 * comes of them next to botocore is in tests/integration/test_credentials.py. */
#include "credentials_bench.h"

#include "lib/aws/credentials/chain.h"
#include "lib/base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROLE(name)            "[profile " name "]\nrole_arn = arn:aws:iam::1:role/" name "\n"
#define ROLE_OF(name, source) ROLE(name) "source_profile = " source "\n"
#define PROCESS(line)         "[profile p]\ncredential_process = " line "\n"

static const struct {
  const char *settings, *message;
} MISTAKES[] = {
    {ROLE("p"), "the AWS profile p has a role_arn and neither source_profile nor"},
    {ROLE("p") "source_profile = a\ncredential_source = Environment\n", "a role_arn and both"},
    {ROLE_OF("p", "gone"), "the source_profile gone of the AWS profile p does not exist"},
    {ROLE_OF("p", "p"), "the source_profile p of the AWS profile p leads back to itself"},
    {ROLE_OF("p", "q") ROLE_OF("q", "p"), "the source_profile p of the AWS profile q leads back"},
    {ROLE_OF("p", "q") ROLE_OF("q", "q"), "the source_profile q of the AWS profile q leads back"},
    {ROLE_OF("p", "q") "[profile q]\nregion = x\n", "q, a source_profile, has no credentials"},
    {ROLE_OF("p", "1") ROLE_OF("1", "2") ROLE_OF("2", "3") ROLE_OF("3", "4") ROLE_OF("4", "5")
         ROLE_OF("5", "6") ROLE_OF("6", "7") ROLE_OF("7", "8") ROLE_OF("8", "9"),
     "the AWS profile p needs more than 8 roles in a row"},
    {ROLE_OF("p", "q") "mfa_serial = arn:aws:iam::1:mfa/me\n[profile q]\n",
     "the AWS profile p wants a one-time code (mfa_serial)"},
    {"[profile p]\nrole_arn =\nsource_profile = q\n", "role_arn of the AWS profile p is empty"},
    {ROLE("p") "credential_source = environment\n", "must be Environment, EcsContainer or"},
    {ROLE("p") "credential_source = Environment\n", "= Environment, but no credentials are there"},
    {ROLE("p") "credential_source = EcsContainer\n", "= EcsContainer, but no credentials are"},
    {ROLE("p") "credential_source = Ec2InstanceMetadata\n", "= Ec2InstanceMetadata, but no cre"},
    {"[profile p]\nsso_role_name = r\n", "the AWS profile p is for SSO, but has no sso_account_id"},
    {"[profile p]\nsso_account_id = 1\n", "the AWS profile p is for SSO, but has no sso_role_name"},
    {"[profile p]\nsso_session = s\nsso_role_name = r\n",
     "the sso-session s of the AWS profile p does not exist in"},
    {"[profile p]\nsso_session = s\nsso_role_name = r\nsso_account_id = 1\n"
     "sso_region = eu-west-1\nsso_start_url = https://x\n[sso-session s]\nsso_region = eu-west-2\n",
     "sso_region of the AWS profile p is not that of its sso-session"},
    {"[profile p]\nsso_session = s\nsso_role_name = r\nsso_account_id = 1\n"
     "[sso-session s]\nsso_region = a/b\nsso_start_url = https://x\n",
     "sso_region of the AWS profile p is no region's name"},
    {PROCESS(""), "credential_process of the AWS profile p: it is empty"},
    {PROCESS("/nonexistent x"), "/nonexistent cannot be run"},
    {PROCESS("sh -c 'echo no >&2; exit 7'"),
     "credential_process of the AWS profile p: sh ended with exit code 7: no"},
    {PROCESS("true"), "must print a JSON object with \"Version\": 1"},
    {PROCESS("echo '[]'"), "must print a JSON object with \"Version\": 1"},
    {PROCESS("echo '{\"Version\": \"1\"}'"), "must print a JSON object with \"Version\": 1"},
    {PROCESS("echo '{\"Version\": 2}'"), "must print a JSON object with \"Version\": 1"},
    {PROCESS("echo '{\"Version\": 1, \"AccessKeyId\": \"a\"}'"), "printed no AccessKeyId, or no"},
    {PROCESS("echo '{\"Version\": 1, \"SecretAccessKey\": \"a secret\"}'"), "no AccessKeyId, or"},
    {PROCESS("echo '{\"Version\": 1, \"AccessKeyId\": \"a\", \"SecretAccessKey\": \"a secret\", "
             "\"Expiration\": \"soon\"}'"),
     "an Expiration that is no time"},
    {PROCESS("echo '{\"Version\": 1, \"AccessKeyId\": \"a\", \"SecretAccessKey\": \"a secret\", "
             "\"Expiration\": 1}'"),
     "an Expiration that is no time"},
};

static void mistakes_are_named(void **state) {
  for (size_t i = 0; i < sizeof(MISTAKES) / sizeof(MISTAKES[0]); i++) {
    struct bench bench = {0};
    struct files files;
    files_start(&bench, &files, "", MISTAKES[i].settings);
    bench.config.aws.profile = "p";
    bench_open(&bench);
    expect_none(&bench, ERROR_DENIED, MISTAKES[i].message);
    assert_int_equal(bench_request_count(&bench), 0);
    files_stop(&bench, &files);
  }
}

/* Roles: each answer's key has the number of the request in it, and is good for so many seconds as
 * the argument says. */
static bool answer_role(struct bench *bench, int fd, unsigned number, const char *request) {
  static const char *const WANTED[] = {
      "\r\n\r\nAction=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fq"
      "&RoleSessionName=cruddur-",
      "\r\n\r\nAction=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fp"
      "&RoleSessionName=me&ExternalId=a%20b&DurationSeconds=900",
  };
  const int64_t *seconds = bench->argument;
  char key[64], expiry[40], body[512];
  snprintf(key, sizeof(key), "Credential=id%u/", number - 1);
  if (number % 2 == 0) snprintf(key, sizeof(key), "Credential=first-id/");
  bool right = strncmp(request, "POST / HTTP/1.1\r\n", 17) == 0 && strstr(request, key) &&
               strstr(request, "/ca-central-1/sts/aws4_request") &&
               strstr(request, "X-Amz-Security-Token: token\r\n") &&
               strstr(request, WANTED[number % 2]);
  clock_format_rfc3339(clock_unix_us() + *seconds * 1000000, expiry);
  snprintf(expiry + 19, sizeof(expiry) - 19, "Z");
  snprintf(body, sizeof(body),
           "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>id%u</AccessKeyId>"
           "<SecretAccessKey>secret%u</SecretAccessKey><SessionToken>token</SessionToken>"
           "<Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
           number, number, expiry);
  return web_write_answer(fd, right ? "200 OK" : "400 Bad Request", right ? body : "");
}

static const char CHAIN[] =
    ROLE_OF("p", "q") "role_session_name = me\nexternal_id = a b\n"
                      "duration_seconds = 900\n" ROLE_OF("q", "default") "duration_seconds = 1h\n";
static const char FIRST[] = "[default]\naws_access_key_id = first-id\n"
                            "aws_secret_access_key = s\naws_session_token = token\n";

static void roles_are_assumed_in_a_row(void **state) {
  int64_t seconds = 3600;
  struct bench bench = {.argument = &seconds};
  struct files files;
  files_start(&bench, &files, FIRST, CHAIN);
  bench.answer = answer_role;
  bench.config.aws.profile = "p";
  bench_open(&bench);
  expect_keys(&bench, "id1", "secret1", "token", "role of profile p");
  assert_int_equal(bench_request_count(&bench), 2);
  files_stop(&bench, &files);
}

static void roles_are_assumed_anew_before_they_expire(void **state) {
  int64_t seconds = 2;
  struct aws_provider_timing timing = QUICK;
  timing.advance_ms = 3600 * 1000;
  struct bench bench = {.argument = &seconds};
  struct files files;
  files_start(&bench, &files, FIRST, CHAIN);
  bench.answer = answer_role;
  bench.config.aws.profile = "p";
  bench_open_timed(&bench, &timing);
  run_until_id_is(&bench, "id1");
  run_until_id_is(&bench, "id3"); /* the whole row again, nobody asked for it */
  files_stop(&bench, &files);
}

/* What STS may answer for a role, and what comes of it after all tries. */
static const struct refusal {
  const char *status_line, *body, *message;
  enum error_kind kind;
  unsigned requests;
} REFUSALS[] = {
    {"403 Forbidden",
     "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
     "<Message>me is not authorized</Message></Error></ErrorResponse>",
     "the role of the AWS profile q: STS AssumeRole: status 403, AccessDenied: me is not "
     "authorized",
     ERROR_DENIED, 1},
    {"400 Bad Request",
     "<ErrorResponse><Error><Code>ValidationError</Code><Message>1 is too short</Message></Error>"
     "</ErrorResponse>",
     "ValidationError: 1 is too short", ERROR_DENIED, 1},
    {"403 Forbidden",
     "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>a secret</Message></Error>"
     "</ErrorResponse>",
     "SignatureDoesNotMatch", ERROR_DENIED, 1},
    {"500 Oops", "", "STS AssumeRole: status 500", ERROR_UNAVAILABLE, 3},
    {"200 OK", "<A/>", "STS answered without credentials", ERROR_UNAVAILABLE, 3},
    {NULL, NULL, "STS AssumeRole: ", ERROR_UNAVAILABLE, 3},
};

static bool answer_refusal(struct bench *bench, int fd, unsigned number, const char *request) {
  const struct refusal *refusal = bench->argument;
  (void)number, (void)request;
  return refusal->status_line && web_write_answer(fd, refusal->status_line, refusal->body);
}

static void roles_that_are_refused_are_told(void **state) {
  for (size_t i = 0; i < sizeof(REFUSALS) / sizeof(REFUSALS[0]); i++) {
    struct bench bench = {.argument = (void *)(uintptr_t)&REFUSALS[i]};
    struct files files;
    files_start(&bench, &files, FIRST, CHAIN);
    bench.answer = answer_refusal;
    bench.config.aws.profile = "p";
    bench_open_timed(&bench, &QUICK);
    expect_none(&bench, REFUSALS[i].kind, REFUSALS[i].message);
    assert_int_equal(bench_request_count(&bench), REFUSALS[i].requests);
    files_stop(&bench, &files);
  }
}

static const struct place {
  const char *region, *mode, *in_profile, *custom;
  const char *host, *signing_region; /* NULL: refused */
} PLACES[] = {
    {"ca-central-1", NULL, "", NULL, "sts.ca-central-1.amazonaws.com", "ca-central-1"},
    {"cn-north-1", NULL, "", NULL, "sts.cn-north-1.amazonaws.com.cn", "cn-north-1"},
    {NULL, NULL, "region = eu-north-1\n", NULL, "sts.eu-north-1.amazonaws.com", "eu-north-1"},
    {NULL, NULL, "", NULL, "sts.amazonaws.com", "us-east-1"},
    {"ca-central-1", "legacy", "", NULL, "sts.amazonaws.com", "us-east-1"},
    {"eu-south-1", "legacy", "", NULL, "sts.eu-south-1.amazonaws.com", "eu-south-1"},
    {"us-west-2", NULL, "sts_regional_endpoints = legacy\n", NULL, "sts.amazonaws.com",
     "us-east-1"},
    {"us-west-2", "regional", "sts_regional_endpoints = legacy\n", NULL,
     "sts.us-west-2.amazonaws.com", "us-west-2"},
    {"us-west-2", "legacy", "", "https://vpce.example:8443/", "vpce.example:8443", "us-west-2"},
    {NULL, NULL, "", "http://sts", "sts", "us-east-1"},
    {"us-west-2", "some", "", NULL, NULL, NULL},
    {"us-west-2", NULL, "sts_regional_endpoints = some\n", NULL, NULL, NULL},
    {"a.b/c", NULL, "", NULL, NULL, NULL},
    {"us-west-2", NULL, "", "nonsense", NULL, NULL},
};

static void expect_place(const struct place *place, const struct config *config) {
  struct credentials_ask ask = {0};
  struct error error = {0};
  bool found = chain_find(config, &ask, &error);
  assert_int_equal(found, place->host != NULL);
  if (found) {
    assert_string_equal(ask.sts.host, place->host);
    assert_string_equal(ask.sts_region, place->signing_region);
  } else {
    assert_int_equal(error.kind, ERROR_INVALID);
  }
  credentials_ask_free(&ask);
}

static void sts_is_the_regions_unless_told_otherwise(void **state) {
  for (size_t i = 0; i < sizeof(PLACES) / sizeof(PLACES[0]); i++) {
    struct files files;
    char settings[256];
    snprintf(settings, sizeof(settings), ROLE_OF("p", "default") "%s", PLACES[i].in_profile);
    files_write(files.credentials, FIRST);
    files_write(files.settings, settings);
    struct config config = bench_config();
    config.aws.access_key_id = NULL;
    config.aws_region = PLACES[i].region;
    config.aws.sts_regional_endpoints = PLACES[i].mode;
    config.aws.endpoint_sts = PLACES[i].custom;
    config.aws.profile = "p";
    config.aws.credentials_file = files.credentials;
    config.aws.config_file = files.settings;
    expect_place(&PLACES[i], &config);
    unlink(files.credentials);
    unlink(files.settings);
  }
}

/* Programs. The first time there is a file to remove. */
static const char SCRIPT[] =
    "if rm \"$1\" 2>/dev/null; then id=one; else id=two; fi\n"
    "printf '{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"s\",' $id\n"
    "printf '\"SessionToken\":\"t\",\"Expiration\":\"%s\"}' $(date -u -d +2sec +%FT%TZ)\n";

static void programs_are_run_anew_before_their_keys_expire(void **state) {
  struct bench bench = {0};
  struct files files;
  struct aws_provider_timing timing = QUICK;
  timing.advance_ms = 3600 * 1000;
  char script[32], settings[128];
  files_write(script, SCRIPT);
  files_start(&bench, &files, "", "");
  unlink(files.settings);
  snprintf(settings, sizeof(settings), "[default]\ncredential_process = sh %s %s\n", script,
           files.token);
  files_write(files.settings, settings);
  bench_open_timed(&bench, &timing);
  run_until_id_is(&bench, "one");
  run_until_id_is(&bench, "two");
  expect_keys(&bench, "two", "s", "t", "credential_process of profile default");
  files_stop(&bench, &files);
  unlink(script);
}

static void keys_that_have_expired_already_are_no_use(void **state) {
  struct bench bench = {0};
  struct files files;
  files_start(&bench, &files, "",
              "[default]\ncredential_process = echo '{\"Version\": 1, \"AccessKeyId\": \"a\", "
              "\"SecretAccessKey\": \"s\", \"Expiration\": \"2001-01-01T00:00:00Z\"}'\n");
  bench_open_timed(&bench, &QUICK);
  expect_none(&bench, ERROR_UNAVAILABLE, "of profile default have expired already");
  files_stop(&bench, &files);
}

static void on_byte(uv_poll_t *poll, int status, int events) {
  assert_int_equal(status, 0);
  *(unsigned *)poll->data = 1;
  uv_close((uv_handle_t *)poll, NULL);
}

/* Runs the loop until the pipe has something to read. */
static void run_until_readable(struct bench *bench, int fd) {
  uv_poll_t poll;
  unsigned readable = 0;
  uv_poll_init(loop_uv(bench->loop), &poll, fd);
  poll.data = &readable;
  uv_poll_start(&poll, UV_READABLE, on_byte);
  bench_run_until(bench, &readable);
}

static void closing_while_a_program_runs_ends_it(void **state) {
  struct bench bench = {0};
  struct files files;
  int ends[2];
  char settings[128], byte;
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  files_start(&bench, &files, "", "");
  unlink(files.settings);
  snprintf(
      settings, sizeof(settings),
      "[default]\ncredential_process = sh -c 'exec 9>/proc/%d/fd/%d; echo >&9; exec sleep 50'\n",
      (int)getpid(), ends[1]);
  files_write(files.settings, settings);
  bench_open(&bench);
  run_until_readable(&bench, ends[0]);
  assert_int_equal(read(ends[0], &byte, 1), 1); /* it runs … */
  close(ends[1]);
  files_stop(&bench, &files);
  assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
  assert_int_equal(read(ends[0], &byte, 1), 0); /* … and has let go of its end of the pipe */
  close(ends[0]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(mistakes_are_named),
      cmocka_unit_test(roles_are_assumed_in_a_row),
      cmocka_unit_test(roles_are_assumed_anew_before_they_expire),
      cmocka_unit_test(roles_that_are_refused_are_told),
      cmocka_unit_test(sts_is_the_regions_unless_told_otherwise),
      cmocka_unit_test(programs_are_run_anew_before_their_keys_expire),
      cmocka_unit_test(keys_that_have_expired_already_are_no_use),
      cmocka_unit_test(closing_while_a_program_runs_ends_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
