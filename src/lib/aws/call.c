/* call.c: see call.h. `done` is called from the loop alone: by a timer or by the end of an
 * exchange.
 */
#include "lib/aws/call.h"

#include "lib/aws/service_error.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  TRIES_LIMIT = 10,
  PAUSE_BASE_MS = 50,
  PAUSE_CAP_MS = 2000,
  DEFAULT_RESPONSE_LIMIT = 1024 * 1024,
  WHAT_SIZE = 80,
  METHOD_SIZE = 16,
  JSON_HEADERS = 2, /* Content-Type, X-Amz-Target */
  OWN_HEADERS = 4,  /* those of a signature */
};

enum call_state { CALL_WAITING, CALL_PAUSING, CALL_SENDING, CALL_ENDING };

struct call {
  struct list node;
  struct aws_client *client;
  uv_timer_t timer; /* of what it waits for, by its state */
  enum call_state state;
  const struct service *service;
  const struct endpoint *endpoint;
  struct location location;
  char what[WHAT_SIZE]; /* for people: "DynamoDB PutItem" */
  char method[METHOD_SIZE];
  char *texts; /* what `query` and `headers` are slices of */
  struct sigv4_parameter *query;
  size_t query_count;
  struct sigv4_header *headers;
  size_t header_count;
  struct buffer body_copy;
  struct str body;
  bool body_borrowed;
  bool repeatable;
  bool renewed; /* credentials were fetched anew for it once */
  uint64_t due_ms;
  uint64_t try_timeout_ms;
  size_t response_limit;
  unsigned tries;
  struct aws_credentials *credentials; /* of the last try */
  struct error error;                  /* that it ends with, by CALL_ENDING */
  bool has_trace, traced;
  struct trace_context trace; /* that is passed on: the caller's, or that of `span` */
  struct span span;           /* where it is `traced` */
  aws_done done;
  void *argument;
};

static struct call *call_of(struct list *node) {
  return LIST_ENTRY(node, struct call, node);
}

static void call_free(struct call *call) {
  aws_credentials_unref(call->credentials);
  buffer_free(&call->location.host);
  buffer_free(&call->location.path);
  buffer_free(&call->body_copy);
  free(call->texts);
  free(call->query);
  free(call->headers);
  free(call);
}

static void on_timer_closed(uv_handle_t *handle) {
  struct call *call = handle->data;
  struct aws_client *client = call->client;
  call_free(call);
  client_release(client);
}

static bool is_plain(struct str text) {
  for (size_t i = 0; i < text.length; i++)
    if (!isalnum((unsigned char)text.data[i]) && text.data[i] != '-') return false;
  return true;
}

/* A condition that does not hold is an answer, not a failure. */
static void record_span(struct call *call, const struct aws_response *response) {
  struct span *span = &call->span;
  const struct error *error = response->error;
  struct str id = aws_response_header(response, STR("x-amzn-RequestId"));
  if (!call->traced) return;
  span->status = response->status;
  span->tries = call->tries;
  span->failed = error && error->kind != ERROR_CONFLICT;
  if (is_plain(id))
    snprintf(span->request_id, sizeof(span->request_id), "%.*s", (int)id.length, id.data);
  if (error && is_plain(str_from(response->code)))
    snprintf(span->error, sizeof(span->error), "%s",
             *response->code ? response->code : "unavailable");
  trace_end(span, call->client->sink);
}

/* The end: tells `done`, which may start more calls or close the client. */
static void call_finish(struct call *call, struct aws_response *response) {
  response->tries = call->tries;
  if (!response->code) response->code = "";
  record_span(call, response);
  list_remove(&call->node);
  call->client->call_count--;
  uv_close((uv_handle_t *)&call->timer, on_timer_closed);
  call->done(response, call->argument);
}

static void call_fail(struct call *call, const struct error *error,
                      const struct fetch_response *answer, const char *code) {
  struct aws_response response = {.error = error, .code = code};
  if (answer && !answer->error) {
    response.status = answer->status;
    response.body = answer->body;
    response.answer = answer;
  }
  call_finish(call, &response);
}

static void on_timer(uv_timer_t *timer);

static void set_state(struct call *call, enum call_state state, uint64_t wait_ms) {
  struct aws_client *client = call->client;
  call->state = state;
  list_remove(&call->node);
  list_append(state == CALL_WAITING ? &client->waiting : &client->others, &call->node);
  if (state == CALL_SENDING)
    uv_timer_stop(&call->timer);
  else
    uv_timer_start(&call->timer, on_timer, wait_ms, 0);
}

/* Ends it with call->error, but not from inside of aws_call(). */
static void end_soon(struct call *call) {
  set_state(call, CALL_ENDING, 0);
}

static uint64_t left_ms(const struct call *call) {
  uint64_t now_ms = loop_now_ms(call->client->loop);
  return call->due_ms > now_ms ? call->due_ms - now_ms : 0;
}

/* True when it will be tried again after a pause. */
static bool pause_for_another(struct call *call) {
  if (call->tries >= TRIES_LIMIT || call->client->closing) return false;
  uint64_t wait_ms = random_backoff_ms(call->tries - 1, PAUSE_BASE_MS, PAUSE_CAP_MS);
  if (wait_ms >= left_ms(call)) return false;
  set_state(call, CALL_PAUSING, wait_ms);
  return true;
}

static void call_send(struct call *call);

/* True when it goes on with other credentials. */
static bool renew(struct call *call) {
  if (call->renewed || call->client->closing || left_ms(call) == 0) return false;
  call->renewed = true;
  if (!aws_provider_refused(call->client->provider, call->credentials)) return false;
  call_send(call);
  return true;
}

static void handle_error_answer(struct call *call, const struct fetch_response *answer) {
  struct service_error problem;
  service_error_read(answer, call->what, &problem);
  bool goes_on = false;
  switch (problem.remedy) {
  case REMEDY_THROTTLED: goes_on = pause_for_another(call); break;
  case REMEDY_REPEAT: goes_on = call->repeatable && pause_for_another(call); break;
  case REMEDY_RENEW: goes_on = renew(call); break;
  case REMEDY_NONE: break;
  }
  if (!goes_on) call_fail(call, &problem.error, answer, problem.code);
}

static void on_answer(const struct fetch_response *answer, void *argument) {
  struct call *call = argument;
  if (answer->error) {
    if (answer->error->kind == ERROR_UNAVAILABLE && call->repeatable && pause_for_another(call))
      return;
    struct error error = *answer->error;
    error_prefix(&error, "%s", call->what);
    call_fail(call, &error, answer, "");
  } else if (answer->status / 100 == 2) {
    struct aws_response response = {
        .status = answer->status, .body = answer->body, .answer = answer};
    call_finish(call, &response);
  } else {
    handle_error_answer(call, answer);
  }
}

static struct sigv4_request request_to_sign(const struct call *call) {
  const struct service *service = call->service;
  return (struct sigv4_request){
      .method = call->method,
      .host = buffer_str(&call->location.host),
      .path = buffer_str(&call->location.path),
      .query = call->query,
      .query_count = call->query_count,
      .headers = call->headers,
      .header_count = call->header_count,
      .body = call->body,
      .service = service->signing_name,
      .region = service->global_region ? service->global_region : call->client->region,
      .unix_s = clock_unix_us() / 1000000,
  };
}

static size_t collect_headers(const struct call *call, const struct sigv4_keys *keys,
                              const struct sigv4_signature *signature,
                              struct fetch_header *headers) {
  size_t count = 0;
  for (size_t i = 0; i < call->header_count; i++)
    headers[count++] = (struct fetch_header){call->headers[i].name, call->headers[i].value};
  headers[count++] = (struct fetch_header){STR("X-Amz-Date"), str_from(signature->date)};
  if (strcmp(call->service->signing_name, "s3") == 0)
    headers[count++] =
        (struct fetch_header){STR("X-Amz-Content-Sha256"), str_from(signature->content_sha256)};
  if (keys->session_token.length > 0)
    headers[count++] = (struct fetch_header){STR("X-Amz-Security-Token"), keys->session_token};
  headers[count++] =
      (struct fetch_header){STR("Authorization"), buffer_str(&signature->authorization)};
  return count;
}

static bool send_signed(struct call *call, const struct sigv4_keys *keys,
                        const struct sigv4_signature *signature) {
  struct fetch_header headers[SIGV4_HEADERS_LIMIT + OWN_HEADERS];
  struct buffer url = BUFFER_EMPTY;
  buffer_append_format(&url, "%s://", call->endpoint->scheme);
  buffer_append_str(&url, buffer_str(&call->location.host));
  buffer_append_str(&url, buffer_str(&signature->target));
  uint64_t timeout_ms = left_ms(call);
  if (call->try_timeout_ms > 0 && call->try_timeout_ms < timeout_ms)
    timeout_ms = call->try_timeout_ms;
  struct fetch_request request = {
      .method = call->method,
      .url = buffer_text(&url),
      .headers = headers,
      .header_count = collect_headers(call, keys, signature, headers),
      .body = call->body,
      .body_borrowed = true, /* the call keeps it */
      .timeout_ms = timeout_ms,
      .response_limit = call->response_limit,
      .keep_headers = true,
      .trace = call->has_trace ? &call->trace : NULL,
  };
  bool started = !url.failed && fetch_start(call->client->fetcher, &request, on_answer, call, NULL);
  buffer_free(&url);
  return started;
}

static void sign_and_send(struct call *call) {
  struct sigv4_keys keys = {
      .access_key_id = str_from(aws_credentials_access_key_id(call->credentials)),
      .secret_access_key = str_from(aws_credentials_secret_access_key(call->credentials)),
      .session_token = str_from(aws_credentials_session_token(call->credentials)),
  };
  struct sigv4_request request = request_to_sign(call);
  struct sigv4_signature signature;
  if (!sigv4_sign(&request, &keys, &signature, &call->error)) {
    end_soon(call);
    return;
  }
  if (send_signed(call, &keys, &signature)) {
    call->tries++;
    set_state(call, CALL_SENDING, 0);
  } else {
    error_set(&call->error, ERROR_UNAVAILABLE, "%s: too many requests are under way", call->what);
    end_soon(call);
  }
  sigv4_signature_free(&signature);
}

static void call_send(struct call *call) {
  struct aws_credentials *credentials = NULL;
  switch (aws_provider_take(call->client->provider, &credentials, &call->error)) {
  case AWS_TAKEN:
    aws_credentials_unref(call->credentials);
    call->credentials = credentials;
    sign_and_send(call);
    break;
  case AWS_WAIT: set_state(call, CALL_WAITING, left_ms(call)); break;
  case AWS_NONE:
    error_prefix(&call->error, "%s", call->what);
    end_soon(call);
    break;
  }
}

static void on_timer(uv_timer_t *timer) {
  struct call *call = timer->data;
  switch (call->state) {
  case CALL_PAUSING: call_send(call); return;
  case CALL_WAITING:
    error_set(&call->error, ERROR_UNAVAILABLE, "%s: AWS credentials did not come in time",
              call->what);
    break;
  case CALL_ENDING:
  case CALL_SENDING: break;
  }
  assert(call->state != CALL_SENDING);
  call_fail(call, &call->error, NULL, "");
}

void call_wake(struct list *node) {
  struct call *call = call_of(node);
  if (left_ms(call) > 0) call_send(call); /* else its timer ends it in a moment */
}

void call_abandon(struct list *node) {
  struct call *call = call_of(node);
  error_set(&call->error, ERROR_UNAVAILABLE, "%s: given up because the program ends", call->what);
  call_fail(call, &call->error, NULL, "");
}

/* Making a call. */

static struct str copy_slice(char **place, struct str text) {
  struct str copy = {*place, text.length};
  if (text.length > 0) memcpy(*place, text.data, text.length);
  *place += text.length;
  return copy;
}

static size_t texts_length(const struct aws_request *request) {
  size_t length = WHAT_SIZE;
  for (size_t i = 0; i < request->query_count; i++)
    length += request->query[i].name.length + request->query[i].value.length;
  for (size_t i = 0; i < request->header_count; i++)
    length += request->headers[i].name.length + request->headers[i].value.length;
  return length + (request->operation ? strlen(request->operation) : 0);
}

static void add_json_headers(struct call *call, const char *operation, char **place) {
  const struct service *service = call->service;
  int length = sprintf(*place, "%s.%s", service->target_prefix, operation);
  struct str target = {*place, (size_t)length};
  *place += length;
  call->headers[call->header_count++] =
      (struct sigv4_header){STR("Content-Type"), str_from(service->content_type)};
  call->headers[call->header_count++] = (struct sigv4_header){STR("X-Amz-Target"), target};
}

static bool copy_lists(struct call *call, const struct aws_request *request) {
  call->texts = malloc(texts_length(request));
  call->query = calloc(request->query_count + 1, sizeof(*call->query));
  call->headers = calloc(request->header_count + JSON_HEADERS, sizeof(*call->headers));
  if (!call->texts || !call->query || !call->headers) return false;
  char *place = call->texts;
  for (size_t i = 0; i < request->query_count; i++)
    call->query[call->query_count++] = (struct sigv4_parameter){
        copy_slice(&place, request->query[i].name), copy_slice(&place, request->query[i].value)};
  for (size_t i = 0; i < request->header_count; i++)
    call->headers[call->header_count++] =
        (struct sigv4_header){copy_slice(&place, request->headers[i].name),
                              copy_slice(&place, request->headers[i].value)};
  if (request->operation) add_json_headers(call, request->operation, &place);
  return true;
}

static bool copy_request(struct call *call, const struct aws_request *request) {
  const char *method = request->method ? request->method : "POST";
  snprintf(call->method, sizeof(call->method), "%s", method);
  snprintf(call->what, sizeof(call->what), "%s %s", call->service->name,
           request->operation ? request->operation : method);
  endpoint_locate(call->endpoint, request->bucket, request->path, &call->location);
  if (request->body_borrowed) {
    call->body = request->body;
  } else {
    buffer_append_str(&call->body_copy, request->body);
    call->body = buffer_str(&call->body_copy);
  }
  call->repeatable = request->repeatable;
  call->try_timeout_ms = request->try_timeout_ms;
  call->response_limit = request->response_limit ? request->response_limit : DEFAULT_RESPONSE_LIMIT;
  return copy_lists(call, request) && !call->location.host.failed && !call->location.path.failed &&
         !call->body_copy.failed;
}

static void begin_span(struct call *call, const struct aws_request *request) {
  if (!request->trace) return;
  struct span *span = &call->span;
  struct str host = buffer_str(&call->location.host);
  call->has_trace = true;
  call->trace = *request->trace;
  call->traced =
      trace_begin_call(span, call->client->sink, request->trace, call->service->signing_name);
  if (!call->traced) return;
  call->trace = span->context;
  snprintf(span->name, sizeof(span->name), "%s", call->what);
  snprintf(span->method, sizeof(span->method), "%.7s", call->method);
  snprintf(span->operation, sizeof(span->operation), "%s",
           request->operation ? request->operation : call->method);
  snprintf(span->host, sizeof(span->host), "%.*s", (int)host.length, host.data);
}

bool call_start(struct aws_client *client, const struct aws_request *request, aws_done done,
                void *argument) {
  assert(!request->operation || service_of(request->service)->target_prefix);
  assert(request->query_count <= SIGV4_PARAMETERS_LIMIT);
  assert(request->header_count + JSON_HEADERS <= SIGV4_HEADERS_LIMIT);
  struct call *call = calloc(1, sizeof(*call));
  if (!call) return false;
  list_init(&call->node);
  call->client = client;
  call->service = service_of(request->service);
  call->endpoint = &client->endpoints[request->service];
  call->done = done;
  call->argument = argument;
  if (!copy_request(call, request)) {
    call_free(call);
    return false;
  }
  begin_span(call, request);
  uv_timer_init(loop_uv(client->loop), &call->timer);
  call->timer.data = call;
  call->due_ms = loop_now_ms(client->loop) + request->deadline_ms;
  client->call_count++;
  client->holders++;
  if (request->pause_ms > 0)
    set_state(call, CALL_PAUSING, request->pause_ms);
  else
    call_send(call);
  return true;
}
