/* round.c: see round.h. */
#include "lib/http/round.h"

#include "lib/http/gzip.h"

#include <assert.h>
#include <stdlib.h>

enum { GZIP_LEAST = 1024 /* bytes: a smaller body fits a packet or two as it is */ };

/* A request that no client sent: its copies outlive those that it stands for. */
static struct http_request *make_request(struct target *target, const struct http_request *first,
                                         const struct http_request *traced) {
  struct http_request *request = request_new_detached(first->server, request_target(first));
  if (!request) return NULL;
  request->target = target;
  request->phase = HTTP_PHASE_WORKING;
  request->method = HTTP_GET;
  request->id = request_copy(request, first->id);
  request->has_trace = traced->has_trace;
  request->trace = traced->trace;
  request->trace.state = request_copy(request, traced->trace.state);
  router_match(request);
  if (request->route) return request;
  request_free(request); /* memory was out */
  return NULL;
}

struct round *round_new(struct target *target, const struct http_request *first,
                        const struct http_request *traced) {
  struct round *round = calloc(1, sizeof(*round));
  if (!round) return NULL;
  round->references = 1;
  round->request = make_request(target, first, traced);
  if (round->request) return round;
  free(round);
  return NULL;
}

struct round *round_ref(struct round *round) {
  round->references++;
  return round;
}

void round_unref(struct round *round) {
  if (!round || --round->references > 0) return;
  request_free(round->request);
  buffer_free(&round->gzip);
  free(round);
}

static void release(void *round) {
  round_unref(round);
}

/* Without memory for it the body is sent as it is. */
static struct str code(struct round *round) {
  struct http_server *server = round->request->server;
  struct str content = round->request->content;
  if (round->is_coded || content.length < GZIP_LEAST) return buffer_str(&round->gzip);
  round->is_coded = true;
  if (!server->gzip) server->gzip = gzip_new();
  if (!server->gzip || !gzip_append(server->gzip, content, &round->gzip)) buffer_free(&round->gzip);
  return buffer_str(&round->gzip);
}

/* Only 200 is worth a tag: whatever else it was may be over. */
static struct str choose(struct round *round, struct http_request *request) {
  if (round->request->status != HTTP_OK) return round->request->content;
  if (!round->tag[0]) etag_make(round->request->content, round->tag);
  struct preference preference = representation_preference(request, round->tag);
  struct representation forms = {.identity = round->request->content, .tag = round->tag};
  if (preference.takes_gzip) forms.gzip = code(round);
  return representation_choose(request, &forms, preference);
}

struct MHD_Response *round_respond(struct round *round, struct http_request *request) {
  struct str bytes = choose(round, request);
  request->answer_size = request->status == HTTP_NOT_MODIFIED ? 0 : bytes.length;
  struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
      bytes.length, (void *)(uintptr_t)bytes.data, release, round);
  if (response) round_ref(round);
  return response;
}
