/* upload.c: see upload.h. */
#include "lib/sync/upload.h"

#include "lib/base/cleanup.h"
#include "lib/sync/pool.h"

#include <stdlib.h>

enum { SLOWEST_BYTES_A_MS = 32 };

struct transfer {
  struct pool *pool;
  size_t index; /* in the pool */
  struct buffer body;
  bool is_copy;
};

struct uploading {
  const size_t *indexes;
  struct upload_result *results;
};

static const struct sync_change *change_of(const struct pool *pool, size_t index) {
  const struct uploading *uploading = pool->argument;
  return &pool->run->plan.changes[uploading->indexes[index]];
}

static bool is_copy(const struct sync_change *change) {
  return change->action == SYNC_HEADERS || change->copy_source;
}

static uint64_t weigh(const struct pool *pool, size_t index) {
  const struct sync_change *change = change_of(pool, index);
  return is_copy(change) ? 0 : change->object->size;
}

/* `headers` has room for S3_HEADERS_LIMIT; returns how many were set. */
static size_t object_headers(const struct sync_object *object, struct sigv4_header *headers) {
  size_t count = 0;
  for (size_t i = 0; i < SYNC_HEADER_COUNT; i++) {
    const char *value = headers_get(&object->headers, i);
    if (*value)
      headers[count++] = (struct sigv4_header){str_from(SYNC_HEADER_NAMES[i]), str_from(value)};
  }
  headers[count++] = (struct sigv4_header){STR("x-amz-meta-cruddur-md5"), str_from(object->md5)};
  return count;
}

static void end_transfer(struct transfer *transfer, uint64_t bytes, const struct error *error) {
  struct pool *pool = transfer->pool;
  size_t index = transfer->index;
  buffer_free(&transfer->body);
  free(transfer);
  if (error) run_notice(pool->run, "failed: %s: %s", change_of(pool, index)->key, error->message);
  pool_ended(pool, index, bytes, error);
}

/* Of a copy it is in the body, and no checksum where the bucket encrypts with KMS. */
static const char *written_etag(const struct transfer *transfer,
                                const struct aws_response *response) {
  _cleanup_(buffer_free) struct buffer copied = BUFFER_EMPTY;
  struct str etag = s3_without_quotes(aws_response_header(response, STR("etag")));
  if (transfer->is_copy && s3_copied_etag(response->body, &copied)) etag = buffer_str(&copied);
  return arena_copy(&transfer->pool->run->arena, etag);
}

static void on_written(const struct aws_response *response, void *argument);

static bool start_copy(struct transfer *transfer, const struct sync_change *change,
                       struct error *error) {
  struct sync_run *run = transfer->pool->run;
  struct sigv4_header headers[S3_HEADERS_LIMIT];
  size_t count = object_headers(change->object, headers);
  struct s3_copying copy = {.from = change->copy_source ? change->copy_source : change->key,
                            .etag = change->copy_source ? NULL : change->before->etag,
                            .key = change->key,
                            .headers = headers,
                            .header_count = count};
  return s3_copy(run->aws.client, &run->bucket, &copy, on_written, transfer, error);
}

uint64_t upload_allowance_ms(uint64_t bytes) {
  return bytes / SLOWEST_BYTES_A_MS;
}

static bool start_put(struct transfer *transfer, const struct sync_change *change,
                      struct error *error) {
  struct sync_run *run = transfer->pool->run;
  struct s3_bucket bucket = run->bucket;
  bucket.try_timeout_ms += upload_allowance_ms(transfer->body.length);
  bucket.deadline_ms += 2 * upload_allowance_ms(transfer->body.length);
  struct sigv4_header headers[S3_HEADERS_LIMIT];
  char base64[DIGEST_MD5_BASE64_SIZE];
  size_t count = object_headers(change->object, headers);
  digest_md5_base64(change->object->md5, base64);
  headers[count++] = (struct sigv4_header){STR("content-md5"), str_from(base64)};
  struct s3_putting put = {change->key, buffer_str(&transfer->body), headers, count};
  return s3_put(run->aws.client, &bucket, &put, on_written, transfer, error);
}

static bool start_upload(struct transfer *transfer, const struct sync_change *change,
                         struct error *error) {
  const char *folder = transfer->pool->run->settings.build_folder;
  return build_read(folder, change->object, &transfer->body, error) &&
         start_put(transfer, change, error);
}

/* The object whose headers were to be changed is gone by now: its file is there. */
static void upload_after_all(struct transfer *transfer, const struct sync_change *change) {
  struct error error = {0};
  transfer->is_copy = false;
  if (!start_upload(transfer, change, &error)) end_transfer(transfer, 0, &error);
}

static void on_written(const struct aws_response *response, void *argument) {
  struct transfer *transfer = argument;
  struct pool *pool = transfer->pool;
  struct sync_run *run = pool->run;
  const struct uploading *uploading = pool->argument;
  const struct sync_change *change = change_of(pool, transfer->index);
  uint64_t bytes = transfer->body.length;
  if (response->status == 404 && transfer->is_copy && !change->copy_source) {
    upload_after_all(transfer, change);
    return;
  }
  if (!response->error) {
    struct upload_result *result = &uploading->results[uploading->indexes[transfer->index]];
    int64_t date_s = s3_parse_time(aws_response_header(response, STR("date")));
    result->done = true;
    result->etag = written_etag(transfer, response);
    result->verified_s = date_s > 0 ? date_s : 0;
    run->counts.uploaded += !transfer->is_copy;
    run->counts.copied += transfer->is_copy;
    run->counts.bytes += bytes;
  }
  end_transfer(transfer, bytes, response->error);
}

static void start(struct pool *pool, size_t index) {
  const struct sync_change *change = change_of(pool, index);
  struct transfer *transfer = calloc(1, sizeof(*transfer));
  struct error error = {0};
  if (!transfer) {
    error_set(&error, ERROR_MEMORY, "out of memory");
    pool_ended(pool, index, 0, &error);
    return;
  }
  transfer->pool = pool;
  transfer->index = index;
  transfer->is_copy = is_copy(change);
  bool started = transfer->is_copy ? start_copy(transfer, change, &error)
                                   : start_upload(transfer, change, &error);
  if (!started) end_transfer(transfer, 0, &error);
}

bool upload_changes(struct sync_run *run, const size_t *indexes, size_t count, const char *what,
                    struct upload_result *results, struct error *error) {
  struct uploading uploading = {indexes, results};
  struct pool pool = {.run = run,
                      .argument = &uploading,
                      .start = start,
                      .weight = weigh,
                      .count = count,
                      .progress = {.what = what}};
  for (size_t i = 0; i < count; i++)
    pool.progress.total_bytes += weigh(&pool, i);
  if (pool_work(&pool)) return true;
  run->counts.failed += pool.progress.failed;
  *error = pool.first_error;
  return error_prefix(error, "%zu of %zu objects were not written; the first", pool.progress.failed,
                      count);
}
