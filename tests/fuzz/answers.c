/* answers.c: see answers.h. */
#include "answers.h"

static struct {
  struct str rest;
  unsigned given;
  aws_done done; /* NULL: nothing is asked */
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
  return true;
}

static void give(aws_done done, void *argument) {
  struct error down = {.kind = ERROR_UNAVAILABLE, .message = "the service is down"};
  struct error refused = {.kind = ERROR_INVALID, .message = "the service refused"};
  struct aws_response response = {.status = 200, .code = "", .tries = 1};
  if (answers.rest.length == 0 || answers.given++ >= ANSWERS_LIMIT) {
    response = (struct aws_response){.error = &down, .code = "", .tries = 1};
  } else {
    response.body = fuzz_cut(&answers.rest, ANSWERS_SEPARATOR);
    if (response.body.length > 0 && response.body.data[0] == '!') {
      response.error = &refused;
      response.status = 400;
      response.code = "ValidationException";
    }
  }
  done(&response, argument);
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
