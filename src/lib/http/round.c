/* round.c: one run of a handler for many requests, and its answer.
 *
 * The coalescer holds the round that runs; each request that it answered holds a reference until
 * its bytes are sent, and so does each response. Counts are of one loop. */
#include "lib/http/round.h"

#include "lib/http/answer.h"
#include "lib/http/gzip.h"
#include "lib/http/representation.h"
#include "lib/http/router.h"

#include <assert.h>
#include <stdlib.h>

enum { GZIP_LEAST = 1024 /* bytes: a smaller body fits a packet or two as it is */ };

/* A request that no client sent: its copies outlive those that it stands for. */
static struct http_request *make_request(struct coalesce_target *target,
                                         const struct http_request *first,
                                         const struct http_request *traced) {
  struct http_request *request = request_new(first->site, request_target(first));
  if (!request) return NULL;
  request->target = target;
  request_enter(request, HTTP_PHASE_WORKING);
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

struct round *round_new(struct coalesce_target *target, const struct http_request *first,
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
  if (!round) return;
  assert(round->references > 0);
  if (--round->references > 0) return;
  request_free(round->request);
  buffer_free(&round->gzip);
  free(round);
}

void round_answer(struct round *round, struct http_request *request) {
  assert(round->request->phase == HTTP_PHASE_ANSWERED && !request->round);
  request->round = round_ref(round);
  request->content_type = round->request->content_type;
  answer_finish(request, round->request->status);
}

/* Without memory for it the body is sent as it is. */
static struct str code(struct round *round) {
  struct http_site *site = round->request->site;
  struct str content = round->request->content;
  if (round->is_coded || content.length < GZIP_LEAST) return buffer_str(&round->gzip);
  round->is_coded = true;
  if (!site->gzip) site->gzip = gzip_new();
  if (!site->gzip || !gzip_append(site->gzip, content, &round->gzip)) buffer_free(&round->gzip);
  return buffer_str(&round->gzip);
}

/* Only 200 is worth a tag: whatever else it was may be over. */
struct str round_choose(struct round *round, struct http_request *request) {
  if (round->request->status != HTTP_OK) return round->request->content;
  if (!round->tag[0]) etag_make(round->request->content, round->tag);
  struct preference preference = representation_preference(request, round->tag);
  struct representation forms = {.identity = round->request->content, .tag = round->tag};
  if (preference.takes_gzip) forms.gzip = code(round);
  return representation_choose(request, &forms, preference);
}
