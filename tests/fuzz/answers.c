/* answers.c: see answers.h. */
#include "answers.h"

#include "lib/aws/json_answer.h"

static struct {
  struct str rest;
  unsigned given;
  enum aws_service service; /* that is asked */
  aws_done done;            /* NULL: nothing is asked */
  void *argument;
} answers;

void answers_begin(struct str texts) {
  answers.rest = texts;
  answers.given = 0;
  assert(!answers.done);
}

bool __wrap_aws_client_call(struct aws_client *client, const struct aws_request *request,
                            aws_done done, void *argument, struct error *error) {
  (void)client, (void)error;
  assert(!answers.done && request->service < AWS_SERVICE_COUNT);
  answers.done = done;
  answers.argument = argument;
  answers.service = request->service;
  return true;
}

/* Reads an answer as the client does. */
static bool read_output(struct str body, json_t **ret_output, struct error *error) {
  const struct aws_prepared prepared = {.service = endpoint_service(answers.service),
                                        .what = "the service"};
  const struct fetch_response answer = {.status = 200, .body = body};
  return json_answer_read(&prepared, &answer, ret_output, error);
}

static void give(aws_done done, void *argument) {
  struct error down = {.kind = ERROR_UNAVAILABLE, .message = "the service is down"};
  struct error refused = {.kind = ERROR_INVALID, .message = "the service refused"};
  struct error damaged = {0};
  struct aws_response response = {.status = 200, .code = "", .tries = 1};
  json_t *output = NULL;
  if (answers.rest.length == 0 || answers.given++ >= ANSWERS_LIMIT) {
    response = (struct aws_response){.error = &down, .code = "", .tries = 1};
  } else {
    response.body = fuzz_cut(&answers.rest, ANSWERS_SEPARATOR);
    if (response.body.length > 0 && response.body.data[0] == '!') {
      response.error = &refused;
      response.status = 400;
      response.code = "ValidationException";
    } else if (!read_output(response.body, &output, &damaged)) {
      response = (struct aws_response){.error = &damaged, .code = "", .tries = 1};
    }
    response.output = output;
  }
  done(&response, argument);
  json_decref(output);
}

struct aws_session *answers_session(void) {
  static struct aws_session session;
  if (!session.loop) session.loop = loop_new(0);
  assert(session.loop);
  return &session;
}

void __wrap_loop_run_until(struct loop *loop, const bool *done) {
  (void)loop;
  answers_run();
  assert(*done);
}

void answers_run(void) {
  while (answers.done) {
    aws_done done = answers.done;
    answers.done = NULL;
    give(done, answers.argument);
  }
}
