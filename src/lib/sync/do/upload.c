/* upload.c: writes the objects of a plan.
 *
 * A transfer is one object under way: it owns the bytes of its file until S3 has answered, and is
 * freed when its item of the pool ends. A file is read when its turn comes and must still have the
 * checksum of the plan. Headers alone are changed by a copy of the object onto itself; when the
 * object is gone by then, the same transfer uploads the file. An upload says what must be there:
 * the object of the plan, or nothing. When that is refused, the transfer asks what is there: it may
 * be what its own first try wrote, whose answer was lost. */
#include "lib/sync/do/upload.h"

#include "lib/base/cleanup.h"
#include "lib/sync/sync_pool.h"

#include <assert.h>
#include <stdlib.h>

/* All transfers of a phase. */
struct uploader {
  const struct sync_plan *plan;
  const size_t *indexes; /* of the plan's changes, by the pool's index */
  struct sync_results *results;
};

struct upload_transfer {
  struct sync_pool *pool;
  size_t index; /* in the pool */
  struct buffer body;
  bool is_copy;
  bool is_gone; /* what it was to replace is not there any more */
};

static const struct sync_change *change_of(const struct sync_pool *pool, size_t index) {
  const struct uploader *uploader = pool->argument;
  const struct sync_change *change = &uploader->plan->changes[uploader->indexes[index]];
  assert(change->object && change->action <= SYNC_HEADERS); /* nothing else is written */
  return change;
}

static bool needs_copy(const struct sync_change *change) {
  return change->action == SYNC_HEADERS || change->copy_source;
}

static uint64_t weigh(const struct sync_pool *pool, size_t index) {
  const struct sync_change *change = change_of(pool, index);
  return needs_copy(change) ? 0 : change->object->size;
}

static const struct sync_place *place_of(const struct sync_pool *pool) {
  return &((const struct uploader *)pool->argument)->plan->bucket->place;
}

/* `headers` has room for S3_HEADERS_LIMIT; returns how many were set. */
static size_t object_headers(const struct sync_object *object, struct sigv4_header *headers) {
  size_t count = 0;
  for (size_t i = 0; i < SYNC_HEADER_COUNT; i++) {
    const char *value = object->headers.values[i];
    if (*value)
      headers[count++] = (struct sigv4_header){str_from(object_headers_name(i)), str_from(value)};
  }
  headers[count++] = (struct sigv4_header){STR("x-amz-meta-cruddur-md5"), str_from(object->md5)};
  return count;
}

_Static_assert((int)SYNC_HEADER_COUNT + 3 + (int)STORAGE_HEADERS_LIMIT <= (int)S3_HEADERS_LIMIT,
               "headers, two checksums, a condition, how it is stored");

static void end_transfer(struct upload_transfer *transfer, uint64_t bytes,
                         const struct error *error) {
  struct sync_pool *pool = transfer->pool;
  size_t index = transfer->index;
  buffer_free(&transfer->body);
  free(transfer);
  if (error && !sync_session_is_stopped(pool->session))
    sync_session_notice(pool->session, "failed: %s: %s", change_of(pool, index)->key,
                        error->message);
  sync_pool_ended(pool, index, bytes, error);
}

static void on_written(const struct aws_response *response, void *argument);

static bool start_copy(struct upload_transfer *transfer, const struct sync_change *change,
                       struct error *error) {
  struct sigv4_header headers[S3_HEADERS_LIMIT];
  size_t count = object_headers(change->object, headers);
  count = place_storage_headers(&place_of(transfer->pool)->storage, true, false, headers, count);
  struct s3_bucket bucket = place_bucket(place_of(transfer->pool), 0);
  struct s3_copying copy = {.from = change->copy_source ? change->copy_source : change->key,
                            .etag = change->copy_source ? NULL : change->before->etag,
                            .key = change->key,
                            .headers = headers,
                            .header_count = count};
  return s3_copy(sync_session_client(transfer->pool->session), &bucket, &copy, on_written, transfer,
                 error);
}

/* What must be there when the object is written: what the plan was made from, or nothing. */
static struct sigv4_header condition_of(const struct upload_transfer *transfer,
                                        const struct sync_change *change, struct buffer *etag) {
  if (!change->before || transfer->is_gone)
    return (struct sigv4_header){STR("if-none-match"), STR("*")};
  buffer_append_format(etag, "\"%s\"", change->before->etag);
  return (struct sigv4_header){STR("if-match"), buffer_str(etag)};
}

static bool start_put(struct upload_transfer *transfer, const struct sync_change *change,
                      struct error *error) {
  struct sigv4_header headers[S3_HEADERS_LIMIT];
  char base64[DIGEST_MD5_BASE64_SIZE];
  size_t count = object_headers(change->object, headers);
  count = place_storage_headers(&place_of(transfer->pool)->storage, false, false, headers, count);
  digest_md5_base64(change->object->md5, base64);
  headers[count++] = (struct sigv4_header){STR("content-md5"), str_from(base64)};
  _cleanup_(buffer_free) struct buffer etag = BUFFER_EMPTY;
  if (transfer->pool->session->run->has_conditions)
    headers[count++] = condition_of(transfer, change, &etag);
  if (etag.failed) return error_set(error, ERROR_MEMORY, "out of memory");
  struct s3_bucket bucket = place_bucket(place_of(transfer->pool), transfer->body.length);
  struct s3_putting put = {change->key, buffer_str(&transfer->body), headers, count};
  return s3_put(sync_session_client(transfer->pool->session), &bucket, &put, on_written, transfer,
                error);
}

/* Starts the copy or the upload; else ends the transfer with the reason. */
static void start_transfer(struct upload_transfer *transfer, const struct sync_change *change) {
  const struct uploader *uploader = transfer->pool->argument;
  struct error error = {0};
  bool started = transfer->is_copy
                     ? start_copy(transfer, change, &error)
                     : build_read(uploader->plan->build, change->object, &transfer->body, &error) &&
                           start_put(transfer, change, &error);
  if (!started) end_transfer(transfer, 0, &error);
}

/* A copy tells its ETag in the body. It is no checksum where the bucket encrypts with KMS. */
static const char *written_etag(const struct upload_transfer *transfer,
                                const struct aws_response *response, struct arena *arena) {
  _cleanup_(buffer_free) struct buffer copied = BUFFER_EMPTY;
  struct str etag = s3_without_quotes(aws_client_response_header(response, STR("etag")));
  if (transfer->is_copy && s3_copied_etag(response->body, &copied)) etag = buffer_str(&copied);
  return arena_copy(arena, etag);
}

static void note_written(const struct upload_transfer *transfer,
                         const struct aws_response *response) {
  const struct uploader *uploader = transfer->pool->argument;
  struct sync_results *results = uploader->results;
  struct sync_written *written = &results->written[uploader->indexes[transfer->index]];
  int64_t date_s = s3_parse_time(aws_client_response_header(response, STR("date")));
  assert(!written->done); /* each change is written once */
  *written = (struct sync_written){.done = true,
                                   .etag = written_etag(transfer, response, results->arena),
                                   .verified_s = date_s > 0 ? date_s : 0};
  results->uploaded += !transfer->is_copy;
  results->copied += transfer->is_copy;
  results->bytes += transfer->body.length;
}

static bool is_refused(const struct aws_response *response) {
  return response->status == 412 || response->status == 409;
}

/* What is there instead of what the plan was made from. */
static void on_looked(const struct aws_response *response, void *argument) {
  struct upload_transfer *transfer = argument;
  const struct sync_change *change = change_of(transfer->pool, transfer->index);
  struct error error = {0};
  struct str md5 = aws_client_response_header(response, STR("x-amz-meta-cruddur-md5"));
  if (!response->error && str_equal(md5, str_from(change->object->md5))) {
    note_written(transfer, response);
    end_transfer(transfer, transfer->body.length, NULL);
  } else {
    error_set(&error, ERROR_CONFLICT,
              "%s was changed by somebody else since it was planned; sync again", change->key);
    end_transfer(transfer, 0, &error);
  }
}

static void look_at_object(struct upload_transfer *transfer, const struct sync_change *change) {
  struct s3_bucket bucket = place_bucket(place_of(transfer->pool), 0);
  struct error error = {0};
  if (!s3_head(sync_session_client(transfer->pool->session), &bucket, change->key, on_looked,
               transfer, &error))
    end_transfer(transfer, 0, &error);
}

static void on_written(const struct aws_response *response, void *argument) {
  struct upload_transfer *transfer = argument;
  const struct sync_change *change = change_of(transfer->pool, transfer->index);
  bool replaces = transfer->is_copy ? !change->copy_source : change->before && !transfer->is_gone;
  if (response->status == 404 && replaces && strcmp(response->code, "NoSuchBucket") != 0) {
    transfer->is_copy = false; /* somebody deleted the object: upload its file */
    transfer->is_gone = true;
    transfer->body.length = 0;
    start_transfer(transfer, change);
    return;
  }
  if (is_refused(response) && !transfer->is_copy) {
    look_at_object(transfer, change);
    return;
  }
  if (!response->error) note_written(transfer, response);
  end_transfer(transfer, transfer->body.length, response->error);
}

static void start(struct sync_pool *pool, size_t index) {
  const struct sync_change *change = change_of(pool, index);
  struct upload_transfer *transfer = calloc(1, sizeof(*transfer));
  struct error error = {0};
  if (!transfer) {
    error_set(&error, ERROR_MEMORY, "out of memory");
    sync_pool_ended(pool, index, 0, &error);
    return;
  }
  transfer->pool = pool;
  transfer->index = index;
  transfer->is_copy = needs_copy(change);
  start_transfer(transfer, change);
}

bool upload_phase(const struct sync_session *session, const struct sync_plan *plan,
                  enum sync_phase phase, struct sync_results *results, struct error *error) {
  _cleanup_free_ size_t *indexes = calloc(plan->count + 1, sizeof(*indexes));
  if (!indexes) return error_set(error, ERROR_MEMORY, "out of memory");
  assert(phase <= PHASE_PAGES_TOP);
  struct uploader uploader = {plan, indexes, results};
  struct sync_pool pool = {.session = session,
                           .argument = &uploader,
                           .start = start,
                           .weight = weigh,
                           .count = order_select(plan, phase, indexes),
                           .progress = {.what = order_phase_name(phase)}};
  for (size_t i = 0; i < pool.count; i++)
    pool.progress.total_bytes += weigh(&pool, i);
  if (sync_pool_work(&pool)) return true;
  results->failed += pool.progress.failed;
  *error = pool.first_error;
  return error_prefix(error, "%zu of %zu objects were not written; the first", pool.progress.failed,
                      pool.count);
}
