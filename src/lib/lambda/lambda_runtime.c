/* lambda_runtime.c: see lambda_runtime.h. An invocation is one answer of `invocation/next`, which
 * is kept until it was sent back: the event is its body, the request id and the deadline are
 * headers. Lambda freezes the process between two invocations, so waiting for the next has no time
 * limit. */
#include "lib/lambda/lambda_runtime.h"

#include "lib/base/buffer.h"
#include "lib/base/clock.h"
#include "lib/base/encoding.h"
#include "lib/base/json_writer.h"
#include "lib/base/random.h"
#include "lib/fetch/fetch_wait.h"

#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
  ANSWER_TIMEOUT_MS = 10000,
  EVENT_LIMIT = 16 * 1024 * 1024,
  REQUEST_ID_LIMIT = 128,
  PATIENCE_MS = 10000, /* with an API that does not answer; then Lambda starts us again */
  PAUSE_BASE_MS = 50,
  PAUSE_CAP_MS = 1000,
};

static const char VERSION[] = "2018-06-01";

struct lambda_runtime {
  struct fetch_wait http;
  char *api;
};

bool lambda_runtime_open(const char *api, struct lambda_runtime **ret_lambda, struct error *error) {
  struct lambda_runtime *lambda = calloc(1, sizeof(*lambda));
  if (!lambda) return error_set(error, ERROR_MEMORY, "out of memory");
  lambda->api = strdup(api);
  bool opened = fetch_wait_open(&lambda->http, error);
  if (opened && lambda->api) {
    *ret_lambda = lambda;
    return true;
  }
  lambda_runtime_close(lambda);
  return error_set(error, ERROR_MEMORY, "out of memory");
}

void lambda_runtime_close(struct lambda_runtime *lambda) {
  fetch_wait_close(&lambda->http);
  free(lambda->api);
  free(lambda);
}

/* Sends one request to `path` and waits for its end; false with an error when there was no answer.
 */
static bool exchange(struct lambda_runtime *lambda, struct fetch_request *request, struct str path,
                     struct fetch_answer *ret_answer, struct error *error) {
  struct buffer url = BUFFER_EMPTY;
  buffer_append_format(&url, "http://%s/%s/runtime/", lambda->api, VERSION);
  buffer_append_str(&url, path);
  request->url = buffer_text(&url);
  request->response_limit = EVENT_LIMIT;
  request->keep_headers = true;
  *ret_answer = (struct fetch_answer){0};
  bool answered = url.failed ? error_set(error, ERROR_MEMORY, "out of memory")
                             : fetch_wait_exchange(&lambda->http, request, ret_answer, error);
  buffer_free(&url);
  return answered;
}

/* The same, again and again while there is no answer. `ret_tries` counts the requests. */
static bool exchange_patiently(struct lambda_runtime *lambda, struct fetch_request *request,
                               struct str path, struct fetch_answer *ret_answer,
                               unsigned *ret_tries, struct error *error) {
  uint64_t due_us = 0;
  for (*ret_tries = 1;; ++*ret_tries) {
    if (exchange(lambda, request, path, ret_answer, error)) return true;
    uint64_t now_us = clock_monotonic_us();
    if (*ret_tries == 1) due_us = now_us + PATIENCE_MS * 1000;
    if (error->kind != ERROR_UNAVAILABLE || now_us >= due_us) return false;
    fetch_wait_free_answer(ret_answer);
    uint64_t pause_ms = 1 + random_backoff_ms(*ret_tries - 1, PAUSE_BASE_MS, PAUSE_CAP_MS);
    poll(NULL, 0, (int)pause_ms);
  }
}

/* {"errorMessage": …, "errorType": …, "stackTrace": []} to `path`. */
static bool report(struct lambda_runtime *lambda, struct str path, const char *type,
                   const char *message, struct error *error) {
  struct buffer body = BUFFER_EMPTY;
  buffer_append_text(&body, "{\"errorMessage\":");
  json_writer_string(&body, str_from(message));
  buffer_append_text(&body, ",\"errorType\":");
  json_writer_string(&body, str_from(type));
  buffer_append_text(&body, ",\"stackTrace\":[]}");
  struct fetch_header headers[] = {
      {STR("Content-Type"), STR("application/vnd.aws.lambda.error+json")},
      {STR("Lambda-Runtime-Function-Error-Type"), str_from(type)}};
  struct fetch_request request = {.method = "POST",
                                  .headers = headers,
                                  .header_count = 2,
                                  .body = buffer_str(&body),
                                  .timeout_ms = ANSWER_TIMEOUT_MS};
  struct fetch_answer taken = {0};
  struct error reason = {0};
  bool told = body.failed ? error_set(&reason, ERROR_MEMORY, "out of memory")
                          : exchange(lambda, &request, path, &taken, &reason);
  if (told && taken.status / 100 != 2)
    told = error_set(&reason, ERROR_UNAVAILABLE, "status %d", taken.status);
  if (!told)
    error_set(error, ERROR_UNAVAILABLE, "Lambda's runtime API does not take the error: %.300s",
              reason.message);
  fetch_wait_free_answer(&taken);
  buffer_free(&body);
  return told;
}

bool lambda_runtime_report_init_error(struct lambda_runtime *lambda, const char *type,
                                      const char *message, struct error *error) {
  return report(lambda, STR("init/error"), type, message, error);
}

static struct str request_id_of(const struct fetch_answer *next) {
  return fetch_wait_header(next, STR("Lambda-Runtime-Aws-Request-Id"));
}

static void append_invocation_path(struct buffer *path, const struct fetch_answer *next,
                                   const char *verb) {
  path->length = 0;
  buffer_append_text(path, "invocation/");
  encoding_percent_append(path, request_id_of(next));
  buffer_append_format(path, "/%s", verb);
}

/* What was taken already is refused when it comes again, unless it is too long in any case. */
static bool is_taken(int status, unsigned tries) {
  return status / 100 == 2 || (tries > 1 && status / 100 == 4 && status != 413);
}

/* Sends the event back to `path`; false as CONFLICT when Lambda refuses it. */
static bool send_back(struct lambda_runtime *lambda, const struct fetch_answer *next,
                      struct str path, struct error *error) {
  struct fetch_header type = {STR("Content-Type"), STR("application/json")};
  struct fetch_request request = {.method = "POST",
                                  .headers = &type,
                                  .header_count = 1,
                                  .body = buffer_str(&next->body),
                                  .body_borrowed = true,
                                  .sent_once = true,
                                  .timeout_ms = ANSWER_TIMEOUT_MS};
  struct fetch_answer taken;
  struct error reason = {0};
  unsigned tries;
  bool sent = exchange_patiently(lambda, &request, path, &taken, &tries, &reason);
  int status = taken.status;
  fetch_wait_free_answer(&taken);
  if (!sent)
    return error_set(error, ERROR_UNAVAILABLE, "Lambda's runtime API takes no answer: %.300s",
                     reason.message);
  return is_taken(status, tries) ||
         error_set(error, ERROR_CONFLICT, "Lambda refused the answer with status %d", status);
}

/* Answers with the event; an answer that is refused becomes the invocation's error. */
static bool answer(struct lambda_runtime *lambda, const struct fetch_answer *next,
                   struct error *error) {
  struct buffer path = BUFFER_EMPTY;
  append_invocation_path(&path, next, "response");
  bool sent = path.failed ? error_set(error, ERROR_MEMORY, "out of memory")
                          : send_back(lambda, next, buffer_str(&path), error);
  if (!sent && error->kind == ERROR_CONFLICT) {
    struct error untold = {0};
    append_invocation_path(&path, next, "error");
    if (path.failed ||
        !report(lambda, buffer_str(&path), "Runtime.ResponseRefused", error->message, &untold))
      *error = untold;
  }
  buffer_free(&path);
  return sent;
}

/* 0 where there is none, or it is no number. */
static int64_t deadline_of(const struct fetch_answer *next) {
  int64_t deadline_ms = 0;
  str_to_i64(fetch_wait_header(next, STR("Lambda-Runtime-Deadline-Ms")), 0, INT64_MAX,
             &deadline_ms);
  return deadline_ms;
}

static bool take_next(struct lambda_runtime *lambda, struct fetch_answer *next,
                      struct error *error) {
  struct fetch_request request = {.timeout_ms = INT_MAX}; /* Lambda freezes us until there is one */
  struct error reason = {0};
  unsigned tries;
  if (!exchange_patiently(lambda, &request, STR("invocation/next"), next, &tries, &reason))
    return error_set(error, ERROR_UNAVAILABLE, "Lambda's runtime API gives no invocation: %.300s",
                     reason.message);
  if (next->status != 200)
    return error_set(error, ERROR_UNAVAILABLE,
                     "Lambda's runtime API answers the call for an invocation with status %d",
                     next->status);
  size_t length = request_id_of(next).length;
  return (length > 0 && length <= REQUEST_ID_LIMIT) ||
         error_set(error, ERROR_INTERNAL,
                   "Lambda's runtime API gave an invocation without a request id");
}

bool lambda_runtime_serve_one(struct lambda_runtime *lambda, lambda_runtime_handler handler,
                              void *argument, struct error *error) {
  struct fetch_answer next;
  bool done = take_next(lambda, &next, error);
  if (done) {
    struct lambda_runtime_invocation invocation = {.request_id = request_id_of(&next),
                                                   .event = buffer_str(&next.body),
                                                   .deadline_ms = deadline_of(&next)};
    handler(&invocation, argument);
    done = answer(lambda, &next, error);
  }
  fetch_wait_free_answer(&next);
  return done;
}
