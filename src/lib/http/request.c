/* request.c: a request: its memory, what came in its line, headers and body. */
#include "lib/base/clock.h"
#include "lib/base/encoding.h"
#include "lib/base/random.h"
#include "lib/base/uuid.h"
#include "lib/http/internal.h"
#include "lib/http/round.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A block of a request's memory: the first ones come with the request itself. */
struct block {
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

struct http_request *request_new_detached(struct http_server *server, const char *target) {
  struct http_request *request = calloc(1, sizeof(*request));
  if (!request) return NULL;
  request->server = server;
  request->method = HTTP_METHODS;
  request->started_us = clock_monotonic_us();
  list_init(&request->memory);
  list_init(&request->place);
  if (take_target(request, target)) return request;
  request_free(request);
  return NULL;
}

struct http_request *request_new(struct http_connection *connection, struct MHD_Connection *mhd,
                                 const char *target) {
  struct http_request *request = request_new_detached(connection->server, target);
  if (!request) return NULL;
  request->connection = connection;
  connection->request = request;
  request->mhd = mhd;
  return request;
}

void request_free(struct http_request *request) {
  if (!request) return;
  if (request->connection) request->connection->request = NULL;
  struct list *node;
  while ((node = list_pop(&request->memory)))
    free(LIST_ENTRY(node, struct block, node));
  round_unref(request->round);
  free(request->owned_content);
  json_decref(request->json);
  buffer_free(&request->body);
  free(request);
}

void *http_request_alloc(struct http_request *request, size_t size) {
  if (size > SIZE_MAX - sizeof(struct block)) return NULL;
  struct block *block = malloc(sizeof(*block) + size);
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

/* --- Headers --- */

struct str http_request_header(const struct http_request *request, const char *name) {
  assert(!request->target && "a shared answer depends on the target alone");
  const char *value = NULL;
  size_t length = 0;
  MHD_lookup_connection_value_n(request->mhd, MHD_HEADER_KIND, name, strlen(name), &value, &length);
  return value ? (struct str){value, length} : (struct str){"", 0};
}

struct header_count {
  struct str name;
  unsigned count;
};

static enum MHD_Result count_header(void *argument, enum MHD_ValueKind kind, const char *key,
                                    size_t key_size, const char *value, size_t value_size) {
  (void)kind, (void)value, (void)value_size;
  struct header_count *counted = argument;
  if (str_equal_ignore_case((struct str){key, key_size}, counted->name)) counted->count++;
  return MHD_YES;
}

unsigned http_request_header_count(const struct http_request *request, const char *name) {
  struct header_count counted = {str_from(name), 0};
  MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, count_header, &counted);
  return counted.count;
}

static enum MHD_Result add_header_size(void *sum, enum MHD_ValueKind kind, const char *key,
                                       size_t key_size, const char *value, size_t value_size) {
  (void)kind, (void)key, (void)value;
  *(size_t *)sum += key_size + value_size + 4;
  return MHD_YES;
}

size_t request_headers_size(const struct http_request *request) {
  size_t sum = request->raw_path.length + request->raw_query.length;
  MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, add_header_size, &sum);
  return sum;
}

bool request_framing_is_ambiguous(const struct http_request *request) {
  return http_request_header(request, "Transfer-Encoding").length > 0 &&
         http_request_header(request, "Content-Length").length > 0;
}

bool request_lacks_host(const struct http_request *request, const char *version) {
  const char *host = MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, "Host");
  return !host && strcmp(version, "HTTP/1.1") == 0;
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
  struct str given = http_request_header(request, "X-Request-Id");
  if (is_sane_id(given)) {
    request->id = request_copy(request, given);
    return;
  }
  char text[UUID_TEXT_LENGTH];
  struct uuid uuid = uuid_random();
  uuid_format(uuid.bytes, text);
  request->id = request_copy(request, (struct str){text, sizeof(text)});
}

/* --- Body --- */

static bool is_json(struct str content_type) {
  struct str rest = content_type, media_type;
  return str_next(&rest, ';', &media_type) &&
         str_equal_ignore_case(media_type, STR("application/json"));
}

static size_t body_limit(const struct http_request *request) {
  return request->route && request->route->body_limit ? request->route->body_limit
                                                      : HTTP_BODY_LIMIT;
}

bool request_has_body(const struct http_request *request) {
  struct str length = http_request_header(request, "Content-Length");
  return http_request_header(request, "Transfer-Encoding").length > 0 ||
         (length.length > 0 && !str_equal(length, STR("0")));
}

enum body_verdict request_announced_body(const struct http_request *request) {
  struct str length = http_request_header(request, "Content-Length");
  size_t announced = 0;
  for (size_t i = 0; i < length.length; i++) {
    if (length.data[i] < '0' || length.data[i] > '9') return BODY_MALFORMED;
    announced = announced * 10 + (size_t)(length.data[i] - '0');
    if (announced > body_limit(request)) return BODY_TOO_LARGE;
  }
  return BODY_GOOD;
}

bool request_take_body(struct http_request *request, const char *bytes, size_t length) {
  if (request->discarded == 0 && request->body.length + length <= body_limit(request)) {
    buffer_append(&request->body, bytes, length);
    return !request->body.failed;
  }
  request->discarded += length;
  return request->discarded <= HTTP_DISCARD_LIMIT;
}

/* jansson recurses for each level, and stops at 2,048: long before that nobody means it. */
static bool nested_absurdly(struct str json) {
  unsigned depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.length; i++) {
    char byte = json.data[i];
    if (in_string && byte == '\\')
      i++;
    else if (byte == '"')
      in_string = !in_string;
    else if (in_string)
      continue;
    else if ((byte == '{' || byte == '[') && ++depth > HTTP_JSON_DEPTH)
      return true;
    else if ((byte == '}' || byte == ']') && depth > 0)
      depth--;
  }
  return false;
}

enum body_verdict request_parse_body(struct http_request *request) {
  if (request->discarded > 0) return BODY_TOO_LARGE;
  struct str content_type = http_request_header(request, "Content-Type");
  bool has_body = request->body.length > 0;
  if (!is_json(content_type) && (has_body || content_type.length > 0)) return BODY_NOT_JSON;
  if (!has_body || nested_absurdly(buffer_str(&request->body))) return BODY_MALFORMED;
  request->json = json_loadb(request->body.data, request->body.length, 0, NULL);
  return json_is_object(request->json) ? BODY_GOOD : BODY_MALFORMED;
}

/* --- What a route sees --- */

struct loop *http_request_loop(const struct http_request *request) {
  return request->server->loop;
}

void *http_request_context(const struct http_request *request) {
  return request->server->context;
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

struct str http_request_user(const struct http_request *request) {
  return request->sub.data ? request->sub : (struct str){"", 0};
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

/* Empty when it is malformed. */
static struct str decode_part(const struct http_request *request, struct str part) {
  /* The request's memory is the request's own business: a const request still hands it out. */
  char *decoded = http_request_alloc((struct http_request *)(uintptr_t)request, part.length);
  size_t length = 0;
  if (!decoded || !percent_decode(part, true, decoded, &length)) return (struct str){"", 0};
  return (struct str){decoded, length};
}

bool http_request_query(const struct http_request *request, const char *name,
                        struct str *ret_value) {
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
