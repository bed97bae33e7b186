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

/* --- The target (RFC 9112, section 3.2) --- */

/* A blank or a control character would end it for somebody else. */
static bool is_plain(struct str text) {
  for (size_t i = 0; i < text.length; i++) {
    unsigned char byte = (unsigned char)text.data[i];
    if (byte <= ' ' || byte == 0x7F) return false;
  }
  return true;
}

static struct str skip(struct str text, size_t length) {
  return (struct str){text.data + length, text.length - length};
}

/* Cuts "http://" or "https://", in any case, and the authority off. */
static bool cut_authority(struct str *text) {
  static const struct str SCHEMES[] = {{"http://", 7}, {"https://", 8}};
  for (size_t i = 0; i < 2; i++) {
    size_t length = SCHEMES[i].length;
    if (text->length < length ||
        !str_equal_ignore_case((struct str){text->data, length}, SCHEMES[i]))
      continue;
    *text = skip(*text, length);
    while (text->length > 0 && text->data[0] != '/' && text->data[0] != '?')
      *text = skip(*text, 1);
    return true;
  }
  return false;
}

static char *append(char *end, struct str part) {
  return part.length > 0 ? mempcpy(end, part.data, part.length) : end;
}

/* Proxies may send the absolute form, "http://api.test/path?query": it loses its scheme and its
 * authority, since which host is meant changes no answer. OPTIONS http://api.test is OPTIONS *.
 * What is left is kept as one piece of memory, which the path begins. */
static bool take_target(struct http_request *request, struct str text) {
  request->target_length = text.length;
  request->target_is_plain = is_plain(text);
  bool is_absolute = cut_authority(&text);
  request->is_for_server = str_equal(text, STR("*")) || (is_absolute && text.length == 0);
  const char *question = text.length > 0 ? memchr(text.data, '?', text.length) : NULL;
  struct str path = {text.data, question ? (size_t)(question - text.data) : text.length};
  struct str query = question ? skip(text, path.length + 1) : STR("");
  if (is_absolute && path.length == 0) path = STR("/");
  char *copy = http_request_alloc(request, path.length + query.length + 2);
  if (!copy) return false;
  char *end = append(copy, path);
  request->raw_path = (struct str){copy, path.length};
  if (query.length > 0) *end++ = '?';
  request->raw_query = (struct str){end, query.length};
  end = append(end, query);
  *end = '\0';
  return true;
}

const char *request_target(const struct http_request *request) {
  return request->raw_path.data;
}

/* --- Life --- */

struct http_request *request_new(struct http_site *site, const char *target) {
  struct http_request *request = calloc(1, sizeof(*request));
  if (!request) return NULL;
  request->site = site;
  request->method = HTTP_METHODS;
  request->started_us = clock_monotonic_us();
  list_init(&request->memory);
  list_init(&request->place);
  if (take_target(request, str_from(target))) return request;
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

struct str http_request_raw_query(const struct http_request *request) {
  return request->raw_query;
}

/* Keys are compared before they are decoded: most are somebody else's, or are written plainly. */
static bool is_named(struct str key, struct str name) {
  enum { ENCODED = 3 /* bytes, at most, of one that was encoded */ };
  char decoded[ENCODED * HTTP_QUERY_NAME_LIMIT];
  size_t length = 0;
  assert(name.length <= HTTP_QUERY_NAME_LIMIT);
  if (str_equal(key, name)) return true;
  if (key.length <= name.length || key.length > ENCODED * name.length) return false;
  return encoding_percent_decode(key, true, decoded, &length) &&
         str_equal((struct str){decoded, length}, name);
}

bool http_request_query(struct http_request *request, const char *name, struct str *ret_value) {
  *ret_value = (struct str){"", 0};
  struct str rest = request->raw_query, pair;
  for (unsigned i = 0; i < HTTP_QUERY_PARAMETERS && str_next(&rest, '&', &pair); i++) {
    const char *equals = pair.length > 0 ? memchr(pair.data, '=', pair.length) : NULL;
    size_t key_length = equals ? (size_t)(equals - pair.data) : pair.length;
    if (!is_named((struct str){pair.data, key_length}, str_from(name))) continue;
    if (equals)
      *ret_value = decode_part(request, (struct str){equals + 1, pair.length - key_length - 1});
    return true;
  }
  return false;
}
