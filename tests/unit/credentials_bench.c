/* credentials_bench.c: see credentials_bench.h. */
#include "credentials_bench.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct aws_provider_timing QUICK = {
    .advance_ms = 1000, .tries = 3, .retry_base_ms = 1, .retry_cap_ms = 2, .failure_ms = 60000};

static bool answer_nothing(struct bench *bench, int fd, unsigned number, const char *request) {
  (void)bench, (void)number, (void)request;
  return web_write_answer(fd, "200 OK", "{}");
}

enum refresher_taken bench_take(struct bench *bench, struct aws_credentials **ret,
                                struct error *error) {
  *ret = NULL;
  enum refresher_taken taken;
  while ((taken = aws_provider_take(bench->provider, ret, error)) == REFRESHER_WAIT)
    uv_run(loop_uv(bench->loop), UV_RUN_ONCE);
  return taken;
}

void expect_keys(struct bench *bench, const char *id, const char *secret, const char *token,
                 const char *source) {
  struct aws_credentials *credentials;
  struct error error = {0};
  if (bench_take(bench, &credentials, &error) != REFRESHER_TAKEN) fail_msg("%s", error.message);
  assert_string_equal(aws_credentials_access_key_id(credentials), id);
  assert_string_equal(aws_credentials_secret_access_key(credentials), secret);
  assert_string_equal(aws_credentials_session_token(credentials), token);
  assert_string_equal(aws_credentials_source(credentials), source);
  aws_credentials_unref(credentials);
}

void expect_none(struct bench *bench, enum error_kind kind, const char *part) {
  struct aws_credentials *credentials;
  struct error error = {0};
  assert_int_equal(bench_take(bench, &credentials, &error), REFRESHER_NONE);
  if (!strstr(error.message, part)) fail_msg("'%s' is not in '%s'", part, error.message);
  assert_int_equal(error.kind, kind);
  assert_null(strstr(error.message, "a secret"));
}

void files_write(char path[32], const char *text) {
  snprintf(path, 32, "/tmp/test_aws_XXXXXX");
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
}

void files_start(struct bench *bench, struct files *files, const char *credentials,
                 const char *settings) {
  bench_start(bench, answer_nothing);
  bench->config.aws.access_key_id = bench->config.aws.secret_access_key = NULL;
  files_write(files->credentials, credentials);
  files_write(files->settings, settings);
  files_write(files->token, "the-token\n\n");
  bench->config.aws.credentials_file = files->credentials;
  bench->config.aws.config_file = files->settings;
}

void files_stop(struct bench *bench, struct files *files) {
  bench_stop(bench);
  unlink(files->credentials);
  unlink(files->settings);
  unlink(files->token);
}

void run_until_id_is(struct bench *bench, const char *id) {
  for (;;) {
    struct aws_credentials *credentials;
    struct error error = {0};
    if (bench_take(bench, &credentials, &error) != REFRESHER_TAKEN) fail_msg("%s", error.message);
    bool same = strcmp(aws_credentials_access_key_id(credentials), id) == 0;
    aws_credentials_unref(credentials);
    if (same) return;
    uv_run(loop_uv(bench->loop), UV_RUN_ONCE);
  }
}
