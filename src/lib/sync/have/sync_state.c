/* sync_state.c: reads and writes the sync's own objects in the bucket, one at a time. */
#include "lib/sync/have/sync_state.h"

#include "lib/sync/want/digest.h"

#include <assert.h>

enum { GET_TRIES = 4 };

/* One request that is waited for; lives on the stack of the caller. */
struct state_request {
  bool done, ok, found, cut;
  struct buffer *body; /* NULL: the answer's body is not wanted */
  struct error *error;
};

bool sync_state_is_whole(const struct aws_response *response) {
  char md5[DIGEST_MD5_SIZE];
  struct str etag = aws_client_response_header(response, STR("etag"));
  struct str encryption = aws_client_response_header(response, STR("x-amz-server-side-encryption"));
  bool is_checksum = etag.length == DIGEST_MD5_SIZE + 1 && etag.data[0] == '"' &&
                     !str_starts_with(encryption, STR("aws:kms"));
  digest_md5(response->body, md5);
  return !is_checksum || strncmp(etag.data + 1, md5, DIGEST_MD5_SIZE - 1) == 0;
}

static void on_answer(const struct aws_response *response, void *argument) {
  struct state_request *request = argument;
  assert(!request->done);
  request->done = true;
  request->found = response->status != 404 || strcmp(response->code, "NoSuchBucket") == 0;
  request->ok = !response->error || !request->found;
  if (!request->ok && request->error) *request->error = *response->error;
  if (response->error || !request->body) return;
  request->cut = !sync_state_is_whole(response);
  buffer_append_str(request->body, response->body);
  if (request->body->failed) request->ok = error_set(request->error, ERROR_MEMORY, "out of memory");
}

bool sync_state_get(const struct sync_session *session, const struct sync_place *place,
                    const char *key, size_t limit, struct buffer *body, bool *ret_found,
                    struct error *error) {
  if (!*key) return error_set(error, ERROR_MEMORY, "out of memory");
  assert(place_is_state(place, key));
  struct s3_bucket bucket = place_bucket(place, 0);
  for (unsigned attempt = 0; attempt < GET_TRIES; attempt++) {
    struct state_request request = {.body = body, .error = error};
    body->length = 0;
    if (!s3_get(sync_session_client(session), &bucket, key, limit, on_answer, &request, error))
      return false;
    sync_session_wait(session, &request.done);
    if (!request.ok) return error_prefix(error, "reading %s", key);
    *ret_found = request.found;
    if (!request.cut) return true;
  }
  return error_set(error, ERROR_UNAVAILABLE, "reading %s: the answers are cut short", key);
}

bool sync_state_put(const struct sync_session *session, const struct sync_place *place,
                    const char *key, struct str body, struct error *error) {
  if (!*key) return error_set(error, ERROR_MEMORY, "out of memory");
  assert(place_is_state(place, key));
  char md5[DIGEST_MD5_SIZE], base64[DIGEST_MD5_BASE64_SIZE];
  digest_md5(body, md5);
  digest_md5_base64(md5, base64);
  struct sigv4_header headers[S3_HEADERS_LIMIT] = {{STR("content-md5"), str_from(base64)},
                                                   {STR("content-type"), STR("application/json")},
                                                   {STR("cache-control"), STR("no-store")}};
  struct s3_bucket bucket = place_bucket(place, body.length);
  struct state_request request = {.error = error};
  size_t count = place_storage_headers(&place->storage, false, true, headers, 3);
  struct s3_putting putting = {key, body, headers, count};
  if (!s3_put(sync_session_client(session), &bucket, &putting, on_answer, &request, error))
    return false;
  sync_session_wait(session, &request.done);
  if (request.ok && request.found) return true;
  if (request.ok) error_set(error, ERROR_NOT_FOUND, "there is no such bucket or object");
  return error_prefix(error, "writing %s", key);
}
