/* aws_session.c: see aws_session.h. A session belongs to one thread, and one call is under way at a
 * time: whoever calls drives the loop, and with it the provider of credentials, until the answer is
 * there. A command that wants many calls side by side uses the client itself. */
#include "lib/aws/aws_session.h"

#include "lib/base/cleanup.h"

#include <assert.h>
#include <stdio.h>

bool aws_session_open(struct aws_session *session, const struct config *config,
                      struct error *error) {
  assert(!session->loop);
  session->loop = loop_new(0);
  if (!session->loop) return error_set(error, ERROR_MEMORY, "out of memory for an event loop");
  session->provider = aws_provider_new(session->loop, config, error);
  if (session->provider)
    session->client = aws_client_new(session->loop, session->provider, config, error);
  if (session->client) return true;
  aws_session_close(session);
  return false;
}

void aws_session_close(struct aws_session *session) {
  aws_client_close(session->client);
  aws_provider_close(session->provider);
  loop_free(session->loop);
  *session = (struct aws_session){0};
}

/* A call that is waited for. */
struct waiting_call {
  struct aws_answer *answer;
  struct error error;
  bool failed, ended;
};

static void on_answer(const struct aws_response *response, void *argument) {
  struct waiting_call *waiting = argument;
  struct aws_answer *answer = waiting->answer;
  assert(!waiting->ended);
  answer->status = response->status;
  answer->tries = response->tries;
  snprintf(answer->code, sizeof(answer->code), "%s", response->code);
  answer->output = json_incref(response->output);
  if (!response->output) buffer_append_str(&answer->body, response->body);
  waiting->failed = response->error || answer->body.failed;
  if (response->error)
    waiting->error = *response->error;
  else if (answer->body.failed)
    error_set(&waiting->error, ERROR_MEMORY, "out of memory for an answer of AWS");
  waiting->ended = true;
}

bool aws_session_call(const struct aws_session *session, const struct aws_request *request,
                      struct aws_answer *ret_answer, struct error *error) {
  struct waiting_call waiting = {.answer = ret_answer};
  *ret_answer = (struct aws_answer){0};
  uv_update_time(loop_uv(session->loop)); /* the loop has not run since the last call */
  if (!aws_client_call(session->client, request, on_answer, &waiting, error)) return false;
  loop_run_until(session->loop, &waiting.ended);
  if (waiting.failed && error) *error = waiting.error;
  return !waiting.failed;
}

json_t *aws_session_json(const struct aws_session *session, const struct aws_request *request,
                         json_t *input, struct error *error) {
  assert(request->operation && request->body.length == 0);
  _cleanup_free_ char *text = json_dumps(input, JSON_COMPACT);
  json_decref(input);
  if (!text) {
    error_set(error, ERROR_MEMORY, "out of memory for a request to AWS");
    return NULL;
  }
  struct aws_request filled = *request;
  filled.body = str_from(text);
  struct aws_answer answer;
  aws_session_call(session, &filled, &answer, error);
  buffer_free(&answer.body);
  return answer.output;
}
