/* aws_client.c: see aws_client.h. A call is in one state at a time, set by set_state():
 *
 *   WAITING for credentials → SENDING a try → done
 *   SENDING → PAUSING → SENDING   throttled, or a failure that may pass
 *   any but SENDING → ENDING      failed from inside of aws_client_call(): told in the next turn
 *
 * Its one timer is that of its state. Everything happens on the client's loop; the provider's news
 * comes there too. `done` is called from a timer or from the end of an exchange. */
#include "lib/aws/aws_client.h"

#include "lib/aws/aws_advice.h"
#include "lib/aws/json_answer.h"
#include "lib/aws/service_error.h"
#include "lib/base/cleanup.h"
#include "lib/base/random.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  CALLS_LIMIT = 1000, /* under way in one client; fetch takes hardly more */
  TRIES_LIMIT = 10,
  PAUSE_BASE_MS = 50,
  PAUSE_CAP_MS = 2000,
  REGION_SIZE = 64,
};

struct aws_client {
  struct loop *loop;
  struct aws_provider *provider;
  struct fetcher *fetcher;
  struct span_sink *sink; /* NULL: no spans are recorded */
  aws_gate gate;          /* NULL: every try may be sent */
  void *gate_argument;
  const struct config *config;
  char *region;
  struct endpoint endpoints[AWS_CLIENT_SERVICES];
  char moved_region[REGION_SIZE];   /* of S3's buckets, by S3's own word; "": as `region` */
  struct endpoint moved;            /* S3's endpoint there; it never changes again */
  struct refresher_watcher watcher; /* of the credentials */
  struct list waiting;              /* calls that wait for credentials */
  struct list others;               /* calls that do anything else */
  size_t call_count;                /* under way */
  size_t holders;                   /* who needs the memory: the watcher, each call's timer */
  bool closing;
};

enum aws_call_state { CALL_NEW, CALL_WAITING, CALL_PAUSING, CALL_SENDING, CALL_ENDING };

struct aws_call {
  struct list node;
  struct aws_client *client;
  uv_timer_t timer; /* of what it waits for, by its state */
  enum aws_call_state state;
  struct aws_prepared prepared;
  bool repeatable;
  bool moved;   /* it was turned to another region once */
  bool renewed; /* other credentials were fetched for it once */
  uint64_t due_ms;
  uint64_t try_timeout_ms;
  unsigned tries;
  struct aws_credentials *credentials; /* of the last try */
  struct error error;                  /* that it ends with, by CALL_ENDING */
  bool has_trace, traced;
  struct trace_context trace; /* that is passed on: the caller's, or that of `span` */
  struct span span;           /* where it is `traced` */
  aws_done done;
  void *argument;
};

static void client_release(struct aws_client *client) {
  assert(client->holders > 0);
  if (--client->holders > 0) return;
  assert(client->call_count == 0);
  for (size_t i = 0; i < AWS_CLIENT_SERVICES; i++)
    endpoint_free(&client->endpoints[i]);
  endpoint_free(&client->moved);
  free(client->region);
  free(client);
}

static struct aws_call *call_of(struct list *node) {
  return LIST_ENTRY(node, struct aws_call, node);
}

static void call_free(struct aws_call *call) {
  aws_credentials_unref(call->credentials);
  aws_try_free(&call->prepared);
  free(call);
}

static void on_timer_closed(uv_handle_t *handle) {
  struct aws_call *call = handle->data;
  struct aws_client *client = call->client;
  call_free(call);
  client_release(client);
}

/* --- Spans --- */

static bool is_plain(struct str text) {
  for (size_t i = 0; i < text.length; i++)
    if (!isalnum((unsigned char)text.data[i]) && text.data[i] != '-') return false;
  return true;
}

static void begin_span(struct aws_call *call, const struct aws_request *request) {
  if (!request->trace) return;
  struct span *span = &call->span;
  const struct aws_prepared *prepared = &call->prepared;
  struct str host = buffer_str(&prepared->location.host);
  call->has_trace = true;
  call->trace = *request->trace;
  call->traced =
      trace_begin_call(span, call->client->sink, request->trace, prepared->service->signing_name);
  if (!call->traced) return;
  call->trace = span->context;
  snprintf(span->name, sizeof(span->name), "%s", prepared->what);
  snprintf(span->method, sizeof(span->method), "%.7s", prepared->method);
  snprintf(span->operation, sizeof(span->operation), "%s",
           request->operation ? request->operation : prepared->method);
  span->secure = strcmp(prepared->endpoint->scheme, "https") == 0;
  trace_set_authority(span, host);
  snprintf(span->region, sizeof(span->region), "%s", prepared->region);
  if (request->table) snprintf(span->space, sizeof(span->space), "%s", request->table);
}

/* A condition that does not hold is an answer, not a failure. */
static void record_span(struct aws_call *call, const struct aws_response *response) {
  struct span *span = &call->span;
  const struct error *error = response->error;
  struct str id = aws_client_response_header(response, STR("x-amzn-RequestId"));
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

/* --- How a call ends --- */

/* Tells `done`, which may start more calls or close the client. */
static void call_finish(struct aws_call *call, struct aws_response *response) {
  response->tries = call->tries;
  if (!response->code) response->code = "";
  record_span(call, response);
  list_remove(&call->node);
  call->client->call_count--;
  uv_close((uv_handle_t *)&call->timer, on_timer_closed);
  call->done(response, call->argument);
}

static void call_fail(struct aws_call *call, const struct error *error,
                      const struct fetch_response *answer, const char *code) {
  assert(error->kind != ERROR_NONE);
  struct aws_response response = {.error = error, .code = code};
  if (answer && !answer->error) {
    response.status = answer->status;
    response.body = answer->body;
    response.answer = answer;
  }
  call_finish(call, &response);
}

/* Ends a call that is not being sent, because the program ends. */
static void call_abandon(struct list *node) {
  struct aws_call *call = call_of(node);
  error_set(&call->error, ERROR_UNAVAILABLE, "%s: given up because the program ends",
            call->prepared.what);
  call_fail(call, &call->error, NULL, "");
}

/* --- States --- */

static void on_timer(uv_timer_t *timer);

/* The one place where a state changes. */
static void set_state(struct aws_call *call, enum aws_call_state state, uint64_t wait_ms) {
  struct aws_client *client = call->client;
  assert(call->state != CALL_ENDING); /* nothing comes after it */
  assert(state != CALL_PAUSING || call->state == CALL_SENDING || call->state == CALL_NEW);
  call->state = state;
  list_remove(&call->node);
  list_append(state == CALL_WAITING ? &client->waiting : &client->others, &call->node);
  if (state == CALL_SENDING)
    uv_timer_stop(&call->timer);
  else
    uv_timer_start(&call->timer, on_timer, wait_ms, 0);
}

/* Ends it with call->error, but not from inside of aws_client_call(). */
static void end_soon(struct aws_call *call) {
  set_state(call, CALL_ENDING, 0);
}

static uint64_t left_ms(const struct aws_call *call) {
  uint64_t now_ms = loop_now_ms(call->client->loop);
  return call->due_ms > now_ms ? call->due_ms - now_ms : 0;
}

/* True when it will be tried again after a pause. */
static bool pause_for_another(struct aws_call *call) {
  if (call->tries >= TRIES_LIMIT || call->client->closing) return false;
  uint64_t wait_ms = random_backoff_ms(call->tries - 1, PAUSE_BASE_MS, PAUSE_CAP_MS);
  if (wait_ms >= left_ms(call)) return false;
  set_state(call, CALL_PAUSING, wait_ms);
  return true;
}

/* --- Tries --- */

static void call_send(struct aws_call *call);

/* True when it goes on with other credentials. */
static bool renew(struct aws_call *call) {
  if (call->renewed || call->client->closing || left_ms(call) == 0) return false;
  call->renewed = true;
  if (!aws_provider_refused(call->client->provider, call->credentials)) return false;
  call_send(call);
  return true;
}

/* A JSON service always names its error. What has no name comes from somebody in between. */
static void doubt(const struct aws_call *call, struct service_error *problem) {
  if (*problem->code || !call->prepared.service->target_prefix) return;
  if (problem->error.kind == ERROR_UNAVAILABLE || problem->error.kind == ERROR_DENIED) return;
  problem->error.kind = ERROR_UNAVAILABLE;
  problem->remedy = REMEDY_REPEAT;
}

/* S3 says where a bucket is to whoever asks in the wrong region. True when it goes on there:
 * nothing was done here. */
static bool follow_region(struct aws_call *call, const struct fetch_response *answer) {
  struct aws_client *client = call->client;
  struct aws_prepared *prepared = &call->prepared;
  char region[REGION_SIZE];
  struct str told = fetch_response_header(answer, STR("x-amz-bucket-region"));
  bool is_s3 = prepared->service == endpoint_service(AWS_S3);
  if (!is_s3 || call->moved || client->closing || told.length == 0 || told.length >= REGION_SIZE ||
      str_equal(told, str_from(prepared->region)))
    return false;
  snprintf(region, sizeof(region), "%.*s", (int)told.length, told.data);
  if (!*client->moved_region) {
    if (!endpoint_is_region(region) ||
        !endpoint_resolve(client->config, AWS_S3, region, &client->moved, &(struct error){0}))
      return false;
    memcpy(client->moved_region, region, sizeof(region));
  }
  assert(call->state == CALL_SENDING);
  call->moved = true;
  if (strcmp(client->moved_region, region) != 0 ||
      !aws_try_move(prepared, &client->moved, client->moved_region))
    return false;
  call_send(call);
  return true;
}

static void handle_error_answer(struct aws_call *call, const struct fetch_response *answer) {
  struct service_error problem;
  if (follow_region(call, answer)) return;
  service_error_read(answer, call->prepared.what, &problem);
  doubt(call, &problem);
  bool goes_on = false;
  switch (problem.remedy) {
  case REMEDY_THROTTLED: goes_on = pause_for_another(call); break;
  case REMEDY_REPEAT: goes_on = call->repeatable && pause_for_another(call); break;
  case REMEDY_RENEW: goes_on = renew(call); break;
  case REMEDY_NONE: break;
  }
  if (goes_on) return;
  aws_advice_add(&call->prepared, call->credentials, answer, problem.code, &problem.error);
  call_fail(call, &problem.error, answer, problem.code);
}

/* Nobody knows what became of it. */
static void handle_no_answer(struct aws_call *call, const struct fetch_response *answer,
                             const struct error *error) {
  if (error->kind == ERROR_UNAVAILABLE && call->repeatable && pause_for_another(call)) return;
  call_fail(call, error, answer, "");
}

static void on_answer(const struct fetch_response *answer, void *argument) {
  struct aws_call *call = argument;
  struct error error = {0};
  json_t *output = NULL;
  assert(call->state == CALL_SENDING);
  if (answer->error) {
    error = *answer->error;
    error_prefix(&error, "%s", call->prepared.what);
    handle_no_answer(call, answer, &error);
  } else if (!json_answer_read(&call->prepared, answer, &output, &error)) {
    handle_no_answer(call, answer, &error);
  } else if (answer->status / 100 == 2) {
    struct aws_response response = {
        .status = answer->status, .body = answer->body, .output = output, .answer = answer};
    call_finish(call, &response);
    json_decref(output);
  } else {
    handle_error_answer(call, answer);
  }
}

static bool may_send(struct aws_call *call) {
  const struct aws_client *client = call->client;
  return !client->gate || client->gate(client->gate_argument, &call->error);
}

static void send_try(struct aws_call *call) {
  uint64_t timeout_ms = left_ms(call);
  if (call->try_timeout_ms > 0 && call->try_timeout_ms < timeout_ms)
    timeout_ms = call->try_timeout_ms;
  const struct aws_try one = {.fetcher = call->client->fetcher,
                              .credentials = call->credentials,
                              .timeout_ms = timeout_ms,
                              .trace = call->has_trace ? &call->trace : NULL,
                              .done = on_answer,
                              .argument = call};
  if (may_send(call) && aws_try_send(&call->prepared, &one, &call->error)) {
    call->tries++;
    set_state(call, CALL_SENDING, 0);
  } else {
    end_soon(call);
  }
}

static void call_send(struct aws_call *call) {
  struct aws_credentials *credentials = NULL;
  switch (aws_provider_take(call->client->provider, &credentials, &call->error)) {
  case REFRESHER_TAKEN:
    aws_credentials_unref(call->credentials);
    call->credentials = credentials;
    send_try(call);
    break;
  case REFRESHER_WAIT: set_state(call, CALL_WAITING, left_ms(call)); break;
  case REFRESHER_NONE:
    error_prefix(&call->error, "%s", call->prepared.what);
    end_soon(call);
    break;
  }
}

static void on_timer(uv_timer_t *timer) {
  struct aws_call *call = timer->data;
  assert(call->state != CALL_SENDING && call->state != CALL_NEW);
  if (call->state == CALL_PAUSING) {
    call_send(call);
    return;
  }
  if (call->state == CALL_WAITING)
    error_set(&call->error, ERROR_UNAVAILABLE, "%s: AWS credentials did not come in time",
              call->prepared.what);
  call_fail(call, &call->error, NULL, "");
}

/* --- Starting a call --- */

static struct aws_call *call_new(struct aws_client *client, const struct aws_request *request,
                                 struct error *error) {
  struct aws_call *call = calloc(1, sizeof(*call));
  if (!call) {
    error_set(error, ERROR_MEMORY, "out of memory for a request to AWS");
    return NULL;
  }
  assert(request->service < AWS_CLIENT_SERVICES);
  bool moved = request->service == AWS_S3 && *client->moved_region;
  if (!aws_try_prepare(&call->prepared, request,
                       moved ? &client->moved : &client->endpoints[request->service],
                       moved ? client->moved_region : client->region, error)) {
    free(call);
    return NULL;
  }
  list_init(&call->node);
  call->client = client;
  call->repeatable = request->repeatable;
  call->try_timeout_ms = request->try_timeout_ms;
  call->due_ms = loop_now_ms(client->loop) + request->deadline_ms;
  uv_timer_init(loop_uv(client->loop), &call->timer);
  call->timer.data = call;
  return call;
}

bool aws_client_call(struct aws_client *client, const struct aws_request *request, aws_done done,
                     void *argument, struct error *error) {
  if (client->closing)
    return error_set(error, ERROR_UNAVAILABLE, "no request to AWS starts: the program ends");
  if (client->call_count >= CALLS_LIMIT)
    return error_set(error, ERROR_UNAVAILABLE, "too many requests to AWS are under way");
  struct aws_call *call = call_new(client, request, error);
  if (!call) return false;
  call->done = done;
  call->argument = argument;
  begin_span(call, request);
  client->call_count++;
  client->holders++;
  if (request->pause_ms > 0)
    set_state(call, CALL_PAUSING, request->pause_ms);
  else
    call_send(call);
  return true;
}

struct str aws_client_response_header(const struct aws_response *response, struct str name) {
  if (!response->answer) return (struct str){NULL, 0};
  return fetch_response_header(response->answer, name);
}

/* --- The client --- */

static struct aws_client *client_of(struct refresher_watcher *watcher) {
  return (struct aws_client *)(void *)((char *)watcher - offsetof(struct aws_client, watcher));
}

static void on_left(struct refresher_watcher *watcher) {
  client_release(client_of(watcher));
}

/* The provider has news. Each call that waits looks once; those that go on waiting stand at the end
 * then. One whose time is over is ended by its timer in a moment. */
static void on_settled(struct refresher_watcher *watcher) {
  struct aws_client *client = client_of(watcher);
  size_t count = 0;
  for (struct list *node = client->waiting.next; node != &client->waiting; node = node->next)
    count++;
  while (count-- > 0 && !list_empty(&client->waiting)) {
    struct list *node = list_pop(&client->waiting);
    list_append(&client->waiting, node);
    if (left_ms(call_of(node)) > 0) call_send(call_of(node));
  }
}

static bool resolve_all(struct aws_client *client, const struct config *config,
                        struct error *error) {
  client->region = endpoint_region(config);
  if (!client->region)
    return error_set(error, ERROR_INVALID,
                     "AWS_DEFAULT_REGION is not set (AWS region of the services called), for "
                     "example AWS_DEFAULT_REGION=ca-central-1");
  for (size_t i = 0; i < AWS_CLIENT_SERVICES; i++)
    if (!endpoint_resolve(config, (enum aws_service)i, client->region, &client->endpoints[i],
                          error))
      return false;
  return true;
}

struct aws_client *aws_client_new(struct loop *loop, struct aws_provider *provider,
                                  const struct config *config, struct error *error) {
  struct aws_client *client = calloc(1, sizeof(*client));
  if (!client) {
    error_set(error, ERROR_MEMORY, "out of memory");
    return NULL;
  }
  client->config = config;
  bool resolved = resolve_all(client, config, error);
  client->fetcher = resolved ? fetch_open(loop, error) : NULL;
  if (!client->fetcher) {
    for (size_t i = 0; i < AWS_CLIENT_SERVICES; i++)
      endpoint_free(&client->endpoints[i]);
    free(client->region);
    free(client);
    return NULL;
  }
  _cleanup_free_ char *ca_bundle = endpoint_ca_bundle(config);
  fetch_trust(client->fetcher, ca_bundle);
  client->loop = loop;
  client->provider = provider;
  client->holders = 1;
  list_init(&client->waiting);
  list_init(&client->others);
  client->watcher.loop = loop;
  client->watcher.settled = on_settled;
  aws_provider_watch(provider, &client->watcher);
  return client;
}

void aws_client_close(struct aws_client *client) {
  if (!client || client->closing) return;
  client->closing = true;
  fetch_close(client->fetcher); /* ends the calls that are being sent */
  while (!list_empty(&client->waiting))
    call_abandon(client->waiting.next);
  while (!list_empty(&client->others))
    call_abandon(client->others.next);
  refresher_leave(&client->watcher, on_left);
}

void aws_client_trace(struct aws_client *client, struct span_sink *sink) {
  client->sink = sink;
}

void aws_client_set_gate(struct aws_client *client, aws_gate gate, void *argument) {
  client->gate = gate;
  client->gate_argument = argument;
}

const char *aws_client_moved_region(const struct aws_client *client) {
  return client->moved_region;
}
