/* ddb_session.c: see ddb_session.h. */
#include "commands/ddb_session.h"

#include <stdlib.h>
#include <time.h>

static const struct dynamodb_bounds BOUNDS = {
    .deadline_ms = 15000, .try_timeout_ms = 5000, .repeatable = true};

struct ddb_session {
  struct loop *loop;
  struct aws_provider *provider;
  struct aws_client *client;
  bool answered;
  json_t *output;
  struct error error;
};

bool ddb_session_open(const struct config *config, struct ddb_session **ret_session,
                      struct error *error) {
  struct ddb_session *session = calloc(1, sizeof(*session));
  if (!session) return error_set(error, ERROR_MEMORY, "out of memory");
  session->loop = loop_new(0);
  if (session->loop) session->provider = aws_provider_new(session->loop, config, error);
  if (session->provider)
    session->client = aws_client_new(session->loop, session->provider, config, error);
  if (session->client) {
    *ret_session = session;
    return true;
  }
  if (!session->loop) error_set(error, ERROR_MEMORY, "out of memory for an event loop");
  ddb_session_close(session);
  return false;
}

void ddb_session_close(struct ddb_session *session) {
  if (!session) return;
  aws_client_close(session->client);
  aws_provider_close(session->provider);
  loop_free(session->loop);
  free(session);
}

static void on_answer(const struct dynamodb_answer *answer, void *argument) {
  struct ddb_session *session = argument;
  session->answered = true;
  session->output = json_incref(answer->body);
  if (answer->error) session->error = *answer->error;
}

static json_t *wait_for_answer(struct ddb_session *session, bool started, struct error *error) {
  if (started) loop_run_until(session->loop, &session->answered);
  json_t *output = session->output;
  session->output = NULL;
  if (!started)
    error_set(error, ERROR_MEMORY, "out of memory for a request to DynamoDB");
  else if (!output && error)
    *error = session->error;
  return output;
}

json_t *ddb_session_call(struct ddb_session *session, const char *operation, json_t *input,
                         struct error *error) {
  session->answered = false;
  bool started =
      input && dynamodb_call(session->client, operation, input, &BOUNDS, on_answer, session);
  json_decref(input);
  return wait_for_answer(session, started, error);
}

bool ddb_session_write(struct ddb_session *session, const char *table, json_t *requests,
                       struct error *error) {
  session->answered = false;
  bool started = requests && dynamodb_batch_write(session->client, table, requests, &BOUNDS,
                                                  on_answer, session);
  json_decref(requests);
  json_t *output = wait_for_answer(session, started, error);
  json_decref(output);
  return output != NULL;
}

void ddb_session_pause(struct ddb_session *session, uint64_t ms) {
  (void)session;
  nanosleep(
      &(struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000},
      NULL);
}
