/* lambda.c: see lambda.h. */
#include "lib/aws/lambda.h"

#include "lib/base/buffer.h"
#include "lib/base/encoding.h"
#include "lib/base/json_writer.h"
#include "lib/fetch/fetch.h"
#include "lib/loop/loop.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
  ANSWER_TIMEOUT_MS = 10000,
  EVENT_LIMIT = 16 * 1024 * 1024,
  REQUEST_ID_LIMIT = 128,
  DEADLINE_DIGITS = 18,
};

static const char VERSION[] = "2018-06-01";

struct lambda {
  struct loop *loop;
  struct fetcher *fetcher;
  char *api;
};

/* What one exchange with the API gave. */
struct exchange_result {
  bool done;
  int status;
  struct buffer body, request_id, deadline;
  struct error error;
};

bool lambda_open(const char *api, struct lambda **ret_lambda, struct error *error) {
  struct lambda *lambda = calloc(1, sizeof(*lambda));
  if (lambda) {
    lambda->api = strdup(api);
    lambda->loop = loop_new(0);
    lambda->fetcher = lambda->loop ? fetcher_new(lambda->loop, error) : NULL;
  }
  if (!lambda || !lambda->api || !lambda->fetcher) {
    if (lambda) lambda_close(lambda);
    return error_set(error, ERROR_MEMORY, "out of memory");
  }
  *ret_lambda = lambda;
  return true;
}

void lambda_close(struct lambda *lambda) {
  fetcher_close(lambda->fetcher);
  if (lambda->loop) {
    loop_close_inbox(lambda->loop);
    loop_run(lambda->loop);
    loop_free(lambda->loop);
  }
  free(lambda->api);
  free(lambda);
}

static void result_free(struct exchange_result *result) {
  buffer_free(&result->body);
  buffer_free(&result->request_id);
  buffer_free(&result->deadline);
}

static void on_answer(const struct fetch_response *response, void *argument) {
  struct exchange_result *result = argument;
  result->done = true;
  result->status = response->status;
  if (response->error) {
    result->error = *response->error;
    return;
  }
  buffer_append_str(&result->body, response->body);
  buffer_append_str(&result->request_id,
                    fetch_response_header(response, STR("Lambda-Runtime-Aws-Request-Id")));
  buffer_append_str(&result->deadline,
                    fetch_response_header(response, STR("Lambda-Runtime-Deadline-Ms")));
  if (result->body.failed || result->request_id.failed)
    error_set(&result->error, ERROR_MEMORY, "out of memory");
}

/* Sends one request and waits for its end; false when there was no answer. */
static bool exchange(struct lambda *lambda, struct fetch_request *request, struct str path,
                     struct exchange_result *result) {
  struct buffer url = BUFFER_EMPTY;
  buffer_append_format(&url, "http://%s/%s/runtime/", lambda->api, VERSION);
  buffer_append_str(&url, path);
  request->url = buffer_text(&url);
  request->response_limit = EVENT_LIMIT;
  request->keep_headers = true;
  bool started = url.failed
                     ? error_set(&result->error, ERROR_MEMORY, "out of memory")
                     : fetch_start(lambda->fetcher, request, on_answer, result, &result->error);
  buffer_free(&url);
  if (!started) return false;
  loop_run_until(lambda->loop, &result->done);
  return result->error.kind == ERROR_NONE;
}

/* {"errorMessage": …, "errorType": …, "stackTrace": []} to `path`. */
static bool report(struct lambda *lambda, struct str path, const char *type, const char *message,
                   struct error *error) {
  struct buffer body = BUFFER_EMPTY;
  buffer_append_text(&body, "{\"errorMessage\":");
  json_append_string(&body, str_from(message));
  buffer_append_text(&body, ",\"errorType\":");
  json_append_string(&body, str_from(type));
  buffer_append_text(&body, ",\"stackTrace\":[]}");
  struct fetch_header headers[] = {
      {STR("Content-Type"), STR("application/vnd.aws.lambda.error+json")},
      {STR("Lambda-Runtime-Function-Error-Type"), str_from(type)}};
  struct fetch_request request = {.method = "POST",
                                  .headers = headers,
                                  .header_count = 2,
                                  .body = buffer_str(&body),
                                  .timeout_ms = ANSWER_TIMEOUT_MS};
  struct exchange_result result = {0};
  bool told = !body.failed && exchange(lambda, &request, path, &result);
  if (told && result.status / 100 != 2)
    told = error_set(&result.error, ERROR_UNAVAILABLE, "status %d", result.status);
  if (!told)
    error_set(error, ERROR_UNAVAILABLE, "Lambda's runtime API does not take the error: %.300s",
              result.error.message);
  result_free(&result);
  buffer_free(&body);
  return told;
}

bool lambda_report_init_error(struct lambda *lambda, const char *type, const char *message,
                              struct error *error) {
  return report(lambda, STR("init/error"), type, message, error);
}

static void append_invocation_path(struct buffer *path, const struct exchange_result *next,
                                   const char *verb) {
  buffer_append_text(path, "invocation/");
  percent_append(path, buffer_str(&next->request_id));
  buffer_append_format(path, "/%s", verb);
}

/* Answers with the event; an answer that is refused becomes the invocation's error. */
static bool answer(struct lambda *lambda, const struct exchange_result *next, struct error *error) {
  struct buffer path = BUFFER_EMPTY;
  append_invocation_path(&path, next, "response");
  struct fetch_header type = {STR("Content-Type"), STR("application/json")};
  struct fetch_request request = {.method = "POST",
                                  .headers = &type,
                                  .header_count = 1,
                                  .body = buffer_str(&next->body),
                                  .body_borrowed = true,
                                  .timeout_ms = ANSWER_TIMEOUT_MS};
  struct exchange_result result = {0};
  bool sent = !path.failed && exchange(lambda, &request, buffer_str(&path), &result);
  int status = result.status;
  if (!sent)
    error_set(error, ERROR_UNAVAILABLE, "Lambda's runtime API takes no answer: %.300s",
              result.error.message);
  result_free(&result);
  if (sent && status / 100 != 2) {
    struct error untold = {0};
    sent = false;
    error_set(error, ERROR_CONFLICT, "Lambda refused the answer with status %d", status);
    path.length = 0;
    append_invocation_path(&path, next, "error");
    if (path.failed ||
        !report(lambda, buffer_str(&path), "Runtime.ResponseRefused", error->message, &untold))
      *error = untold;
  }
  buffer_free(&path);
  return sent;
}

static int64_t read_deadline(struct str text) {
  int64_t number = 0;
  if (text.length == 0 || text.length > DEADLINE_DIGITS) return 0;
  for (size_t i = 0; i < text.length; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return 0;
    number = number * 10 + (text.data[i] - '0');
  }
  return number;
}

static bool take_next(struct lambda *lambda, struct exchange_result *next, struct error *error) {
  struct fetch_request request = {.timeout_ms = INT_MAX}; /* Lambda freezes us until there is one */
  if (!exchange(lambda, &request, STR("invocation/next"), next))
    return error_set(error, ERROR_UNAVAILABLE, "Lambda's runtime API gives no invocation: %.300s",
                     next->error.message);
  if (next->status != 200)
    return error_set(error, ERROR_UNAVAILABLE,
                     "Lambda's runtime API answers the call for an invocation with status %d",
                     next->status);
  if (next->request_id.length == 0 || next->request_id.length > REQUEST_ID_LIMIT)
    return error_set(error, ERROR_INTERNAL,
                     "Lambda's runtime API gave an invocation without a request id");
  return true;
}

bool lambda_serve_one(struct lambda *lambda, lambda_handler handler, void *argument,
                      struct error *error) {
  struct exchange_result next = {0};
  bool done = take_next(lambda, &next, error);
  if (done) {
    struct lambda_invocation invocation = {.request_id = buffer_str(&next.request_id),
                                           .event = buffer_str(&next.body),
                                           .deadline_ms =
                                               read_deadline(buffer_str(&next.deadline))};
    handler(&invocation, argument);
    done = answer(lambda, &next, error);
  }
  result_free(&next);
  return done;
}
