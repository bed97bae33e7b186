/* aws_try.c: see aws_try.h. A prepared request does not change from one try to the next: only the
 * date, the keys and so the signature do. */
#include "lib/aws/aws_try.h"

#include "lib/aws/secret.h"
#include "lib/base/clock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  DEFAULT_RESPONSE_LIMIT = 1024 * 1024,
  JSON_HEADERS = 2, /* Content-Type, X-Amz-Target */
  OWN_HEADERS = 4,  /* X-Amz-Date, X-Amz-Content-Sha256, X-Amz-Security-Token, Authorization */
};

/* --- Preparing --- */

static struct str copy_slice(char **place, struct str text) {
  struct str copy = {*place, text.length};
  if (text.length > 0) memcpy(*place, text.data, text.length);
  *place += text.length;
  return copy;
}

/* How much room the copies need. */
static size_t texts_length(const struct aws_request *request) {
  size_t length = AWS_WHAT_SIZE; /* for the target's prefix */
  for (size_t i = 0; i < request->query_count; i++)
    length += request->query[i].name.length + request->query[i].value.length;
  for (size_t i = 0; i < request->header_count; i++)
    length += request->headers[i].name.length + request->headers[i].value.length;
  return length + (request->operation ? strlen(request->operation) : 0);
}

static void add_json_headers(struct aws_prepared *prepared, const char *operation, char **place) {
  const struct endpoint_service *service = prepared->service;
  struct str target = {*place, 0};
  copy_slice(place, str_from(service->target_prefix));
  copy_slice(place, STR("."));
  copy_slice(place, str_from(operation));
  target.length = (size_t)(*place - target.data);
  prepared->headers[prepared->header_count++] =
      (struct sigv4_header){STR("Content-Type"), str_from(service->content_type)};
  prepared->headers[prepared->header_count++] = (struct sigv4_header){STR("X-Amz-Target"), target};
}

static bool copy_lists(struct aws_prepared *prepared, const struct aws_request *request) {
  size_t length = texts_length(request);
  prepared->texts = malloc(length);
  prepared->query = calloc(request->query_count + 1, sizeof(*prepared->query));
  prepared->headers = calloc(request->header_count + JSON_HEADERS, sizeof(*prepared->headers));
  if (!prepared->texts || !prepared->query || !prepared->headers) return false;
  char *place = prepared->texts;
  for (size_t i = 0; i < request->query_count; i++)
    prepared->query[prepared->query_count++] = (struct sigv4_parameter){
        copy_slice(&place, request->query[i].name), copy_slice(&place, request->query[i].value)};
  for (size_t i = 0; i < request->header_count; i++)
    prepared->headers[prepared->header_count++] =
        (struct sigv4_header){copy_slice(&place, request->headers[i].name),
                              copy_slice(&place, request->headers[i].value)};
  if (request->operation) add_json_headers(prepared, request->operation, &place);
  assert((size_t)(place - prepared->texts) <= length);
  return true;
}

static void copy_body(struct aws_prepared *prepared, const struct aws_request *request) {
  prepared->body = request->body;
  if (request->body_borrowed) return;
  buffer_append_str(&prepared->body_copy, request->body);
  prepared->body = buffer_str(&prepared->body_copy);
}

bool aws_try_prepare(struct aws_prepared *prepared, const struct aws_request *request,
                     const struct endpoint *endpoint, const char *region, struct error *error) {
  const struct endpoint_service *service = endpoint_service(request->service);
  const char *method = request->method ? request->method : "POST";
  assert(!request->operation || service->target_prefix);
  assert(request->query_count <= SIGV4_PARAMETERS_LIMIT);
  assert(request->header_count + JSON_HEADERS <= SIGV4_HEADERS_LIMIT);
  *prepared = (struct aws_prepared){
      .service = service,
      .endpoint = endpoint,
      .region = endpoint_signing_region(service, region),
      .response_limit = request->response_limit ? request->response_limit : DEFAULT_RESPONSE_LIMIT,
  };
  snprintf(prepared->method, sizeof(prepared->method), "%s", method);
  snprintf(prepared->what, sizeof(prepared->what), "%s %s", service->name,
           request->operation ? request->operation : method);
  endpoint_locate(endpoint, request->bucket, request->path, &prepared->location);
  copy_body(prepared, request);
  if (copy_lists(prepared, request) && !prepared->location.host.failed &&
      !prepared->location.path.failed && !prepared->body_copy.failed)
    return true;
  aws_try_free(prepared);
  return error_set(error, ERROR_MEMORY, "out of memory for a request to AWS");
}

bool aws_try_move(struct aws_prepared *prepared, const struct endpoint *endpoint,
                  const char *region) {
  struct str old = buffer_str(&prepared->location.host);
  size_t own = strlen(prepared->endpoint->host);
  assert(old.length >= own); /* a bucket may stand in front of the endpoint's host */
  struct buffer host = BUFFER_EMPTY;
  buffer_append(&host, old.data, old.length - own);
  buffer_append_text(&host, endpoint->host);
  buffer_free(&prepared->location.host);
  prepared->location.host = host;
  prepared->endpoint = endpoint;
  prepared->region = region;
  return !host.failed;
}

void aws_try_free(struct aws_prepared *prepared) {
  buffer_free(&prepared->location.host);
  buffer_free(&prepared->location.path);
  secret_buffer_free(&prepared->body_copy);
  free(prepared->texts);
  free(prepared->query);
  free(prepared->headers);
  *prepared = (struct aws_prepared){0};
}

/* --- Sending --- */

static struct sigv4_keys keys_of(const struct aws_credentials *credentials) {
  return (struct sigv4_keys){
      .access_key_id = str_from(aws_credentials_access_key_id(credentials)),
      .secret_access_key = str_from(aws_credentials_secret_access_key(credentials)),
      .session_token = str_from(aws_credentials_session_token(credentials)),
  };
}

static bool sign(const struct aws_prepared *prepared, const struct sigv4_keys *keys,
                 struct sigv4_signature *ret_signature, struct error *error) {
  struct sigv4_request request = {
      .method = prepared->method,
      .host = buffer_str(&prepared->location.host),
      .path = buffer_str(&prepared->location.path),
      .query = prepared->query,
      .query_count = prepared->query_count,
      .headers = prepared->headers,
      .header_count = prepared->header_count,
      .body = prepared->body,
      .service = prepared->service->signing_name,
      .region = prepared->region,
      .unix_s = clock_unix_us() / 1000000,
  };
  return sigv4_sign(&request, keys, ret_signature, error);
}

/* The request's own headers, and with `signature` those that sign it. Returns how many. */
static size_t collect_headers(const struct aws_prepared *prepared, struct str session_token,
                              const struct sigv4_signature *signature,
                              struct fetch_header *headers) {
  size_t count = 0;
  for (size_t i = 0; i < prepared->header_count; i++)
    headers[count++] = (struct fetch_header){prepared->headers[i].name, prepared->headers[i].value};
  if (!signature) return count;
  headers[count++] = (struct fetch_header){STR("X-Amz-Date"), str_from(signature->date)};
  if (strcmp(prepared->service->signing_name, "s3") == 0)
    headers[count++] =
        (struct fetch_header){STR("X-Amz-Content-Sha256"), str_from(signature->content_sha256)};
  if (session_token.length > 0)
    headers[count++] = (struct fetch_header){STR("X-Amz-Security-Token"), session_token};
  headers[count++] =
      (struct fetch_header){STR("Authorization"), buffer_str(&signature->authorization)};
  return count;
}

static bool start(const struct aws_prepared *prepared, const struct aws_try *one,
                  const struct sigv4_signature *signature, struct error *error) {
  struct fetch_header headers[SIGV4_HEADERS_LIMIT + OWN_HEADERS];
  struct str session_token = {NULL, 0};
  if (signature) session_token = keys_of(one->credentials).session_token;
  struct buffer url = BUFFER_EMPTY;
  buffer_append_format(&url, "%s://", prepared->endpoint->scheme);
  buffer_append_str(&url, buffer_str(&prepared->location.host));
  buffer_append_str(&url, buffer_str(signature ? &signature->target : &prepared->location.path));
  struct fetch_request request = {
      .service = prepared->service->name,
      .method = prepared->method,
      .url = buffer_text(&url),
      .headers = headers,
      .header_count = collect_headers(prepared, session_token, signature, headers),
      .body = prepared->body,
      .body_borrowed = true, /* what is prepared keeps it */
      .timeout_ms = one->timeout_ms,
      .response_limit = prepared->response_limit,
      .keep_headers = true,
      .trace = one->trace,
  };
  bool started = url.failed ? error_set(error, ERROR_MEMORY, "out of memory")
                            : fetch_start(one->fetcher, &request, one->done, one->argument, error);
  buffer_free(&url);
  return started || error_prefix(error, "%s", prepared->what);
}

bool aws_try_send(const struct aws_prepared *prepared, const struct aws_try *one,
                  struct error *error) {
  if (!one->credentials) return start(prepared, one, NULL, error);
  struct sigv4_keys keys = keys_of(one->credentials);
  struct sigv4_signature signature;
  if (!sign(prepared, &keys, &signature, error)) return false;
  bool started = start(prepared, one, &signature, error);
  sigv4_signature_free(&signature);
  return started;
}
