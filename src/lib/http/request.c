/* request.c: a request: its memory, what came in its line and headers, and its phase. It belongs to
 * the loop that accepted it; what it owns is freed with it. */
#include "lib/http/request.h"

#include "lib/base/clock.h"
#include "lib/base/encoding.h"
#include "lib/base/random.h"
#include "lib/base/uuid.h"
#include "lib/http/http_connection.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A block of a request's memory: the first ones come with the request itself. */
struct request_block {
  struct list node;
  max_align_t bytes[];
};

/* The target is one piece of memory, which the path begins. */
static bool take_target(struct http_request *request, const char *target) {
  size_t length = strlen(target);
  char *copy = http_request_alloc(request, length + 1);
  if (!copy) return false;
  memcpy(copy, target, length + 1);
  char *question = memchr(copy, '?', length);
  request->raw_path = (struct str){copy, question ? (size_t)(question - copy) : length};
  if (question)
    request->raw_query = (struct str){question + 1, length - request->raw_path.length - 1};
  else
    request->raw_query = (struct str){copy + length, 0};
  return true;
}

const char *request_target(const struct http_request *request) {
  return request->raw_path.data;
}

struct http_request *request_new(struct http_site *site, const char *target) {
  struct http_request *request = calloc(1, sizeof(*request));
  if (!request) return NULL;
  request->site = site;
  request->method = HTTP_METHODS;
  request->started_us = clock_monotonic_us();
  list_init(&request->memory);
  list_init(&request->place);
  if (take_target(request, target)) return request;
  request_free(request);
  return NULL;
}

void request_free(struct http_request *request) {
  if (!request) return;
  assert(!request->round && "a round is let go of first");
  if (request->connection) request->connection->request = NULL;
  struct list *node;
  while ((node = list_pop(&request->memory)))
    free(LIST_ENTRY(node, struct request_block, node));
  free(request->owned_content);
  json_decref(request->json);
  buffer_free(&request->body);
  free(request);
}

void request_enter(struct http_request *request, enum http_phase phase) {
  static const unsigned BEFORE[] = {
      [HTTP_PHASE_HEADERS] = 0,
      [HTTP_PHASE_RECEIVING] = 1U << HTTP_PHASE_HEADERS,
      [HTTP_PHASE_WORKING] = 1U << HTTP_PHASE_HEADERS | 1U << HTTP_PHASE_RECEIVING,
      [HTTP_PHASE_ANSWERED] =
          1U << HTTP_PHASE_HEADERS | 1U << HTTP_PHASE_RECEIVING | 1U << HTTP_PHASE_WORKING,
      [HTTP_PHASE_SENDING] = 1U << HTTP_PHASE_ANSWERED,
  };
  assert(BEFORE[phase] & 1U << request->phase);
  request->phase = phase;
  if (phase == HTTP_PHASE_WORKING) request->working_us = clock_monotonic_us();
  if (phase == HTTP_PHASE_ANSWERED) request->answered_us = clock_monotonic_us();
}

void *http_request_alloc(struct http_request *request, size_t size) {
  if (size > SIZE_MAX - sizeof(struct request_block)) return NULL;
  struct request_block *block = malloc(sizeof(*block) + size);
  if (!block) return NULL;
  list_append(&request->memory, &block->node);
  return block->bytes;
}

struct str request_copy(struct http_request *request, struct str text) {
  if (text.length == 0) return (struct str){"", 0};
  char *copy = http_request_alloc(request, text.length);
  if (!copy) return (struct str){"", 0};
  memcpy(copy, text.data, text.length);
  return (struct str){copy, text.length};
}

static bool is_sane_id(struct str id) {
  if (id.length == 0 || id.length > HTTP_REQUEST_ID_LIMIT) return false;
  for (size_t i = 0; i < id.length; i++) {
    char c = id.data[i];
    bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                c == '-' || c == '_' || c == '.';
    if (!good) return false;
  }
  return true;
}

void request_set_id(struct http_request *request) {
  struct str given = request->headers.request_id;
  if (is_sane_id(given)) {
    request->id = request_copy(request, given);
    return;
  }
  char text[UUID_TEXT_LENGTH];
  struct uuid uuid = uuid_random();
  uuid_format(uuid.bytes, text);
  request->id = request_copy(request, (struct str){text, sizeof(text)});
}

/* --- What a route sees --- */

void *http_request_context(const struct http_request *request) {
  return request->site->context;
}

struct str http_request_id(const struct http_request *request) {
  return request->id;
}

struct str http_request_path(const struct http_request *request) {
  return request->raw_path;
}

struct str http_request_raw_query(const struct http_request *request) {
  return request->raw_query;
}

struct str http_request_sub(const struct http_request *request) {
  return request->sub.data ? request->sub : (struct str){"", 0};
}

struct timing *http_request_timing(struct http_request *request) {
  request->timing.request_id = request->id;
  return &request->timing;
}

const struct trace_context *http_request_trace(const struct http_request *request) {
  return request->has_trace ? &request->trace : NULL;
}

struct str http_request_body(const struct http_request *request) {
  return buffer_str(&request->body);
}

const json_t *http_request_json(const struct http_request *request) {
  return request->json;
}

struct str http_request_param(const struct http_request *request, const char *name) {
  size_t length = strlen(name);
  for (unsigned i = 0; i < request->parameter_count; i++) {
    const char *candidate = request->parameters[i].name;
    bool same = strncmp(candidate, name, length) == 0;
    if (same && (candidate[length] == '\0' || candidate[length] == '/'))
      return request->parameters[i].value;
  }
  assert(false && "the row's pattern has no such parameter");
  return (struct str){"", 0};
}

struct str http_request_header(const struct http_request *request, const char *name) {
  assert(!request->target && "a shared answer depends on the target alone");
  return headers_find(request->mhd, name);
}

static void count_line(void *argument, struct str value) {
  (void)value;
  ++*(unsigned *)argument;
}

unsigned http_request_header_count(const struct http_request *request, const char *name) {
  unsigned count = 0;
  headers_each(request->mhd, str_from(name), count_line, &count);
  return count;
}

/* Empty when it is malformed. */
static struct str decode_part(struct http_request *request, struct str part) {
  char *decoded = http_request_alloc(request, part.length);
  size_t length = 0;
  if (!decoded || !encoding_percent_decode(part, true, decoded, &length))
    return (struct str){"", 0};
  return (struct str){decoded, length};
}

bool http_request_query(struct http_request *request, const char *name, struct str *ret_value) {
  *ret_value = (struct str){"", 0};
  struct str rest = request->raw_query, pair;
  while (str_next(&rest, '&', &pair)) {
    const char *equals = pair.length > 0 ? memchr(pair.data, '=', pair.length) : NULL;
    size_t key_length = equals ? (size_t)(equals - pair.data) : pair.length;
    struct str key = decode_part(request, (struct str){pair.data, key_length});
    if (!str_equal(key, str_from(name))) continue;
    if (equals)
      *ret_value = decode_part(request, (struct str){equals + 1, pair.length - key_length - 1});
    return true;
  }
  return false;
}
