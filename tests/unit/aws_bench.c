/* aws_bench.c: see aws_bench.h. */
#include "aws_bench.h"

#include <stdio.h>
#include <string.h>

struct config bench_config(void) {
  return (struct config){.aws_region = "ca-central-1",
                         .aws = {.access_key_id = "AKIDTEST",
                                 .secret_access_key = "the-secret-key",
                                 .profile = "default",
                                 .credentials_file = "/nonexistent/credentials",
                                 .config_file = "/nonexistent/config",
                                 .metadata_disabled = true,
                                 .metadata_endpoint = "http://127.0.0.1:1"}};
}

static bool on_request(struct web *web, int fd, const char *request, void *argument) {
  (void)web;
  struct bench *bench = argument;
  pthread_mutex_lock(&bench->mutex);
  unsigned number = bench->request_count++;
  if (number < REQUESTS_KEPT) bench->requests[number] = strdup(request);
  pthread_mutex_unlock(&bench->mutex);
  return bench->answer(bench, fd, number, request);
}

void bench_start(struct bench *bench, bench_answer *answer) {
  void *argument = bench->argument;
  *bench = (struct bench){.config = bench_config(), .answer = answer, .argument = argument};
  pthread_mutex_init(&bench->mutex, NULL);
  bench->loop = loop_new(0);
  assert_non_null(bench->loop);
  bench->web = web_start(on_request, bench);
  bench->config.aws.endpoint = strdup(web_url(bench->web, ""));
}

void bench_open_timed(struct bench *bench, const struct aws_provider_timing *timing) {
  struct error error = {0};
  bench->provider = aws_provider_new_timed(bench->loop, &bench->config, timing, &error);
  if (!bench->provider) fail_msg("%s", error.message);
  bench->client = aws_client_new(bench->loop, bench->provider, &bench->config, &error);
  if (!bench->client) fail_msg("%s", error.message);
}

void bench_open(struct bench *bench) {
  bench_open_timed(bench, &AWS_PROVIDER_TIMING);
}

void bench_stop(struct bench *bench) {
  aws_client_close(bench->client);
  aws_provider_close(bench->provider);
  loop_close_inbox(bench->loop);
  loop_run(bench->loop);
  loop_free(bench->loop);
  web_stop(bench->web);
  for (unsigned i = 0; i < REQUESTS_KEPT; i++)
    free(bench->requests[i]);
  free((char *)bench->config.aws.endpoint);
  pthread_mutex_destroy(&bench->mutex);
}

unsigned bench_request_count(struct bench *bench) {
  pthread_mutex_lock(&bench->mutex);
  unsigned count = bench->request_count;
  pthread_mutex_unlock(&bench->mutex);
  return count;
}

const char *bench_request(struct bench *bench, unsigned number) {
  assert_true(number < bench_request_count(bench));
  return bench->requests[number];
}

const char *bench_header(const char *request, const char *name, char value[4096]) {
  char pattern[128];
  snprintf(pattern, sizeof(pattern), "\r\n%s:", name);
  const char *line = strcasestr(request, pattern);
  value[0] = '\0';
  if (!line) return value;
  line += strlen(pattern);
  line += strspn(line, " ");
  size_t length = strcspn(line, "\r");
  assert_true(length < 4096);
  memcpy(value, line, length);
  value[length] = '\0';
  return value;
}

static void stop_when_set(uv_prepare_t *prepare) {
  if (*(const unsigned *)prepare->data > 0) uv_stop(prepare->loop);
}

void bench_run_until(struct bench *bench, const unsigned *flag) {
  uv_prepare_t prepare;
  uv_prepare_init(loop_uv(bench->loop), &prepare);
  prepare.data = (void *)(uintptr_t)flag;
  uv_prepare_start(&prepare, stop_when_set);
  while (*flag == 0)
    uv_run(loop_uv(bench->loop), UV_RUN_DEFAULT);
  uv_close((uv_handle_t *)&prepare, NULL);
  uv_run(loop_uv(bench->loop), UV_RUN_NOWAIT); /* the handle is on the stack */
}

void bench_done(const struct aws_response *response, void *argument) {
  struct outcome *outcome = argument;
  outcome->calls++;
  outcome->status = response->status;
  outcome->tries = response->tries;
  snprintf(outcome->code, sizeof(outcome->code), "%s", response->code);
  if (response->error) outcome->error = *response->error;
  buffer_append_str(&outcome->body, response->body);
  buffer_append_str(&outcome->etag, aws_client_response_header(response, STR("etag")));
}

struct outcome bench_call(struct bench *bench, const struct aws_request *request) {
  struct outcome outcome = {.bench = bench};
  assert_true(aws_client_call(bench->client, request, bench_done, &outcome, NULL));
  assert_int_equal(outcome.calls, 0);
  bench_run_until(bench, &outcome.calls);
  assert_int_equal(outcome.calls, 1);
  return outcome;
}

void outcome_free(struct outcome *outcome) {
  buffer_free(&outcome->body);
  buffer_free(&outcome->etag);
}

struct aws_request bench_put(void) {
  return (struct aws_request){.service = AWS_DYNAMODB,
                              .operation = "PutItem",
                              .body = STR("{\"TableName\":\"messages\"}"),
                              .deadline_ms = AMPLE_MS};
}
