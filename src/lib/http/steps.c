/* steps.c: the life of a request.
 *
 * The steps run in the order of STEPS. Each is done with its part, has answered the request, or
 * must wait: for the body, for the keys that its token names, for its handler. What it waits for
 * calls http_steps_go_on(), and the step runs again. The handler is the last step: it answers by
 * itself, now or later. The server does the input and output, and sends the answer. */
#include "lib/http/steps.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/http/body.h"
#include "lib/http/coalesce.h"
#include "lib/http/cors.h"
#include "lib/http/framing.h"
#include "lib/http/limits.h"
#include "lib/http/request_metrics.h"
#include "lib/http/round.h"
#include "lib/http/router.h"
#include "lib/http/span.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
  HEADERS_LIMIT = 16 * 1024, /* bytes of a request's target and headers */
  ALL_METHODS = (1U << HTTP_METHODS) - 1,
};

enum step_result {
  STEP_DONE,
  STEP_WAIT,
  STEP_ANSWERED,
};

static enum step_result answer(struct http_request *request, enum http_status status,
                               const char *code) {
  http_answer_error(request, status, code);
  return STEP_ANSWERED;
}

/* --- While the headers are all that has come --- */

static enum step_result check_headers(struct http_request *request) {
  size_t size = request->target_length + request->headers.size;
  return size > HEADERS_LIMIT ? answer(request, HTTP_HEADERS_TOO_LARGE, "generic_431") : STEP_DONE;
}

static enum step_result check_framing(struct http_request *request) {
  enum http_status status;
  if (framing_is_sound(request, &status)) return STEP_DONE;
  request->ends_connection = true;
  return answer(request, status, status == HTTP_BAD_REQUEST ? "generic_400" : "generic_501");
}

static enum step_result refuse_method(struct http_request *request, unsigned methods) {
  struct buffer allow = BUFFER_EMPTY;
  router_list_methods(methods | 1U << HTTP_OPTIONS, &allow);
  http_answer_header(request, "Allow", buffer_text(&allow));
  buffer_free(&allow);
  return answer(request, HTTP_METHOD_NOT_ALLOWED, "generic_405");
}

static enum step_result find_route(struct http_request *request) {
  unsigned methods = request->methods;
  if (request->method == HTTP_OPTIONS && request->is_for_server) methods = ALL_METHODS;
  if (!methods) return answer(request, HTTP_NOT_FOUND, "generic_404");
  if (request->method == HTTP_OPTIONS) {
    cors_answer_options(request, methods);
    return STEP_ANSWERED;
  }
  return request->route ? STEP_DONE : refuse_method(request, methods);
}

static enum step_result answer_limited(struct http_request *request, unsigned wait_s) {
  char text[16];
  snprintf(text, sizeof(text), "%u", wait_s);
  http_answer_header(request, "Retry-After", text);
  return answer(request, HTTP_TOO_MANY_REQUESTS, "rate_limited");
}

static enum step_result count_address(struct http_request *request) {
  unsigned wait_s = 0;
  return limits_count_address(request, &wait_s) ? STEP_DONE : answer_limited(request, wait_s);
}

/* --- The body --- */

/* Before the body by its announcement, and after it by what has come. */
static enum step_result check_size(struct http_request *request) {
  return body_is_too_large(request) ? answer(request, HTTP_PAYLOAD_TOO_LARGE, "payload_too_large")
                                    : STEP_DONE;
}

static enum step_result await_body(struct http_request *request) {
  return request->phase < HTTP_PHASE_WORKING ? STEP_WAIT : STEP_DONE;
}

/* What a handler would wait for is closed before the last requests are answered. */
static enum step_result check_open(struct http_request *request) {
  if (!request->site->closing) return STEP_DONE;
  http_answer_unavailable(request);
  return STEP_ANSWERED;
}

/* --- Once all of it has come --- */

static enum step_result refuse_token(struct http_request *request) {
  http_answer_header(request, "WWW-Authenticate", "Bearer");
  return answer(request, HTTP_UNAUTHORIZED, "generic_401");
}

static enum step_result check_token(struct http_request *request) {
  const struct http_site *site = request->site;
  if (request->route->auth != HTTP_AUTH_REQUIRED || request->sub.length > 0) return STEP_DONE;
  switch (site->options->check_token(request, request->headers.authorization, site->authenticator,
                                     &request->waiting, &request->sub)) {
  case HTTP_TOKEN_GOOD: assert(request->sub.length > 0); return STEP_DONE;
  case HTTP_TOKEN_WAIT: assert(request->waiting); return STEP_WAIT;
  case HTTP_TOKEN_BAD: break;
  }
  return refuse_token(request);
}

static enum step_result count_user(struct http_request *request) {
  unsigned wait_s = 0;
  return limits_count_user(request, &wait_s) ? STEP_DONE : answer_limited(request, wait_s);
}

static enum step_result check_type(struct http_request *request) {
  return request->route->body_limit == 0 || body_is_json(request)
             ? STEP_DONE
             : answer(request, HTTP_UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
}

static enum step_result parse_body(struct http_request *request) {
  return request->route->body_limit == 0 || body_parse(request)
             ? STEP_DONE
             : answer(request, HTTP_BAD_REQUEST, "malformed_json");
}

/* A handler answers by itself, and so does a round. */
static enum step_result handle(struct http_request *request) {
  assert((request->route->auth == HTTP_AUTH_REQUIRED) == (request->sub.length > 0));
  if (request->route->auth == HTTP_AUTH_SHARED)
    coalesce_join(request);
  else
    request->route->handler(request);
  return request->phase < HTTP_PHASE_ANSWERED ? STEP_WAIT : STEP_ANSWERED;
}

/* --- Who asks whether to send the body --- */

static bool asks_first(const struct http_request *request) {
  return str_equal_ignore_case(request->headers.expect, STR("100-continue")) &&
         !request->is_http_1_0 && body_is_announced(request);
}

/* Only what can be told at once: a token that may wait for a key is looked at when the body is
 * there (RFC 9110, section 10.1.1). */
static enum step_result answer_early(struct http_request *request) {
  const struct http_site *site = request->site;
  if (!asks_first(request)) return STEP_DONE;
  if (request->route->auth == HTTP_AUTH_REQUIRED &&
      site->options->check_token(request, request->headers.authorization, site->authenticator, NULL,
                                 &request->sub) == HTTP_TOKEN_BAD)
    return refuse_token(request);
  return check_type(request);
}

/* --- The order --- */

static enum step_result (*const STEPS[])(struct http_request *request) = {
    check_headers, /* 431 */
    check_framing, /* 400, 501 */
    find_route,    /* 404, 405, OPTIONS */
    count_address, /* 429 */
    check_size,    /* as announced; 413 */
    answer_early,  /* 401, 415 where the client asks before it sends */
    await_body,    /* until all of the request has come */
    check_open,    /* 503 */
    check_size,    /* as it came; 413 */
    check_token,   /* until the keys are there; 401 */
    count_user,    /* 429 */
    check_type,    /* 415 */
    parse_body,    /* 400 */
    handle,        /* until there is an answer */
};

enum { STEP_COUNT = sizeof(STEPS) / sizeof(STEPS[0]) };

/* The route comes first: whether CORS applies is seen by the path as it is decoded. */
void steps_note_head(struct http_request *request, const struct head_place *place) {
  request->methods = router_match(request);
  headers_note(request->mhd, place, &request->headers);
  request->allowed_origin = cors_allowed_origin(request);
  request_set_id(request);
}

void steps_begin(struct http_request *request, const struct head_place *place) {
  request_enter(request, HTTP_PHASE_RECEIVING);
  router_method(place->method, &request->method);
  request->is_http_1_0 = strcmp(place->version, "HTTP/1.0") == 0;
  steps_note_head(request, place);
  span_begin(request);
}

void http_steps_go_on(struct http_request *request) {
  enum step_result result = STEP_DONE;
  assert(request->phase == HTTP_PHASE_RECEIVING || request->phase == HTTP_PHASE_WORKING);
  while (result == STEP_DONE) {
    assert(request->step < STEP_COUNT && "a handler runs once");
    result = STEPS[request->step++](request);
  }
  bool again = result == STEP_WAIT && request->step < STEP_COUNT;
  if (again) request->step--;
}

/* --- The end --- */

/* While the server drains, 503 is what a balancer is to hear. */
static bool is_failure(const struct http_request *request) {
  bool is_told_to_leave = request->status == HTTP_UNAVAILABLE && request->site->draining;
  return request->status >= 500 && !is_told_to_leave;
}

/* Of its user, or of the request under whose id the handler of its round logged. */
static struct log_field last_field(const struct http_request *request) {
  if (request->sub.length > 0) return log_str("user", request->sub);
  bool led = request->round && !str_equal(request->round->request->id, request->id);
  return led ? log_str("shared_request_id", request->round->request->id) : LOG_END;
}

static const char *pattern_of(const struct http_request *request) {
  return request->route ? request->route->pattern : "-";
}

static void log_request(const struct http_request *request, bool sent, uint64_t duration_us) {
  log_event(is_failure(request) ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
            sent ? "request" : "request aborted", log_str("request_id", request->id),
            log_text("method", router_method_name(request->method)),
            log_text("route", pattern_of(request)), log_int("status", request->status),
            log_int("bytes", (int64_t)request->answer_size), log_ms("duration_ms", duration_us),
            last_field(request), LOG_END);
}

/* Where the time of a slow request went. Its round's request has made the calls, if it has one; the
 * wait for the round is among what is left over. */
static void log_slow(const struct http_request *request, uint64_t duration_us) {
  const struct timing *timing =
      request->round ? &request->round->request->timing : &request->timing;
  uint64_t end_us = request->started_us + duration_us;
  uint64_t answered_us = request->answered_us ? request->answered_us : end_us;
  uint64_t working_us = request->working_us ? request->working_us : answered_us;
  uint64_t handling_us = answered_us - working_us;
  uint64_t called_us = timing->queued_us + timing->called_us;
  log_event(
      LOG_LEVEL_WARNING, "slow request", log_str("request_id", request->id),
      log_text("method", router_method_name(request->method)),
      log_text("route", pattern_of(request)), log_int("status", request->status),
      log_ms("duration_ms", duration_us), log_ms("receiving_ms", working_us - request->started_us),
      log_ms("queue_ms", timing->queued_us), log_ms("postgres_ms", timing->called_us),
      log_ms("other_ms", handling_us > called_us ? handling_us - called_us : 0),
      log_ms("sending_ms", end_us - answered_us), log_text("statements", timing->calls), LOG_END);
}

void steps_end(struct http_request *request, bool sent) {
  const struct http_site *site = request->site;
  span_end(request);
  uint64_t duration_us = clock_monotonic_us() - request->started_us;
  request_metrics_count(request, duration_us);
  if (is_failure(request) && site->failed)
    site->failed(site->failed_argument, router_method_name(request->method), pattern_of(request),
                 request->status, request->id);
  log_request(request, sent, duration_us);
  uint64_t slow_us = site->options->slow_request_us;
  if (slow_us > 0 && duration_us > slow_us) log_slow(request, duration_us);
  round_unref(request->round);
  request->round = NULL;
  request_free(request);
}
