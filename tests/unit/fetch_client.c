/* fetch_client.c: see fetch_client.h. */
#include "fetch_client.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

static struct loop *running_loop; /* stopped by each `done` */

struct client client_new(void) {
  struct client client = {.loop = loop_new(0)};
  assert_non_null(client.loop);
  client.fetcher = fetch_open(client.loop, NULL);
  assert_non_null(client.fetcher);
  return client;
}

void client_free(struct client *client) {
  fetch_close(client->fetcher);
  loop_free(client->loop);
}

void on_done(const struct fetch_response *response, void *argument) {
  struct outcome *outcome = argument;
  outcome->calls++;
  if (running_loop) uv_stop(loop_uv(running_loop));
  outcome->status = response->status;
  buffer_append_str(&outcome->body, response->body);
  if (response->error) outcome->error = *response->error;
  if (!outcome->close_client) return;
  fetch_close(outcome->close_client->fetcher);
  outcome->close_client->fetcher = NULL;
}

void wait_for(struct client *client, const struct outcome *outcome) {
  running_loop = client->loop;
  while (outcome->calls == 0)
    uv_run(loop_uv(client->loop), UV_RUN_DEFAULT);
  running_loop = NULL;
}

struct outcome run(struct client *client, const struct fetch_request *request) {
  struct outcome outcome = {0};
  assert_true(fetch_start(client->fetcher, request, on_done, &outcome, NULL));
  assert_int_equal(outcome.calls, 0);
  wait_for(client, &outcome);
  assert_int_equal(outcome.calls, 1);
  return outcome;
}

struct fetch_request get(const char *url) {
  return (struct fetch_request){.url = url, .timeout_ms = AMPLE_MS, .response_limit = LIMIT};
}

struct outcome fetch_alone(const struct fetch_request *request) {
  struct client client = client_new();
  struct outcome outcome = run(&client, request);
  client_free(&client);
  return outcome;
}

void expect_error(struct outcome outcome, enum error_kind kind, const char *part) {
  assert_int_equal(outcome.error.kind, kind);
  assert_int_equal(outcome.status, 0);
  if (!strstr(outcome.error.message, part)) fail_msg("'%s' in '%s'", part, outcome.error.message);
  buffer_free(&outcome.body);
}

int take_port(char url[64]) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
  snprintf(url, 64, "http://me:secret@127.0.0.1:%u/keys?token=t", ntohs(address.sin_port));
  return fd;
}
