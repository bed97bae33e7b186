/* s3.c: see s3.h. Only a copy has a state that outlives its call: S3 sends the status of a copy
 * before its work is done, and the body says how it ended, so that a copy may be asked for again.
 * It keeps copies of all that it was given, and is freed when `done` was told. */
#include "lib/aws/services/s3.h"

#include "lib/aws/xml.h"
#include "lib/base/cleanup.h"
#include "lib/base/encoding.h"
#include "lib/base/time.h"
#include "lib/base/utf8.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_LIMIT = 8 * 1024 * 1024, COPY_TRIES = 4, MD5_BASE64_SIZE = 25 };

int64_t s3_parse_time(struct str text) {
  int64_t unix_us;
  bool is_time = time_parse_http_date(text, &unix_us) || time_parse_rfc3339(text, 0, &unix_us);
  return is_time && unix_us >= 0 ? unix_us / 1000000 : -1;
}

bool s3_key_fits_xml(const char *key) {
  for (const unsigned char *byte = (const unsigned char *)key; *byte; byte++) {
    if (*byte < ' ' || *byte == 0x7F) return false;
    if (byte[0] == 0xEF && byte[1] == 0xBF && byte[2] >= 0xBE) return false; /* U+FFFE, U+FFFF */
  }
  return utf8_valid(str_from(key));
}

/* --- Single objects --- */

/* Fills `request` for `method` on the object `key`; "" is the bucket itself. The path stands in
 * `path`, the caller's to free. */
static bool fill_request(struct aws_request *request, const struct s3_bucket *bucket,
                         const char *method, const char *key, struct buffer *path,
                         struct error *error) {
  buffer_append_format(path, "/%s", key);
  request->service = AWS_S3;
  request->method = method;
  request->bucket = str_from(bucket->name);
  request->path = buffer_str(path);
  request->deadline_ms = bucket->deadline_ms;
  request->try_timeout_ms = bucket->try_timeout_ms;
  request->repeatable = true;
  return !path->failed || error_set(error, ERROR_MEMORY, "out of memory for a request to S3");
}

/* What each operation with a callback is: who is told, and the error when it does not start. */
struct s3_told {
  aws_done done;
  void *argument;
  struct error *error;
};

static bool start_on_object(struct aws_client *client, const struct s3_bucket *bucket,
                            const char *method, const char *key, struct aws_request *request,
                            struct s3_told told) {
  _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY;
  return fill_request(request, bucket, method, key, &path, told.error) &&
         aws_client_call(client, request, told.done, told.argument, told.error);
}

/* The same, waiting for the answer. */
static bool call_object(const struct aws_session *session, const struct s3_bucket *bucket,
                        const char *method, const char *key, struct aws_request *request,
                        struct aws_answer *ret_answer, struct error *error) {
  _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY;
  *ret_answer = (struct aws_answer){0};
  return fill_request(request, bucket, method, key, &path, error) &&
         aws_session_call(session, request, ret_answer, error);
}

bool s3_get(struct aws_client *client, const struct s3_bucket *bucket, const char *key,
            size_t limit, aws_done done, void *argument, struct error *error) {
  struct aws_request request = {.response_limit = limit};
  return start_on_object(client, bucket, "GET", key, &request,
                         (struct s3_told){done, argument, error});
}

bool s3_head(struct aws_client *client, const struct s3_bucket *bucket, const char *key,
             aws_done done, void *argument, struct error *error) {
  struct aws_request request = {0};
  return start_on_object(client, bucket, "HEAD", key, &request,
                         (struct s3_told){done, argument, error});
}

bool s3_put(struct aws_client *client, const struct s3_bucket *bucket, const struct s3_putting *put,
            aws_done done, void *argument, struct error *error) {
  struct aws_request request = {.headers = put->headers,
                                .header_count = put->header_count,
                                .body = put->body,
                                .body_borrowed = true};
  return start_on_object(client, bucket, "PUT", put->key, &request,
                         (struct s3_told){done, argument, error});
}

bool s3_delete(const struct aws_session *session, const struct s3_bucket *bucket, const char *key,
               struct error *error) {
  struct aws_request request = {0};
  struct aws_answer answer;
  bool deleted = call_object(session, bucket, "DELETE", key, &request, &answer, error);
  buffer_free(&answer.body);
  return deleted;
}

/* --- Copies --- */

struct s3_copy_run {
  struct aws_client *client;
  struct s3_bucket bucket;
  char *key;
  struct buffer source;
  struct sigv4_header headers[S3_HEADERS_LIMIT + 3];
  size_t header_count;
  struct buffer header_texts[S3_HEADERS_LIMIT];
  char *etag; /* quoted; NULL: any */
  unsigned tries;
  aws_done done;
  void *argument;
};

static void copying_free(struct s3_copy_run *copying) {
  for (size_t i = 0; i < S3_HEADERS_LIMIT; i++)
    buffer_free(&copying->header_texts[i]);
  buffer_free(&copying->source);
  free(copying->key);
  free(copying->etag);
  free(copying);
}

struct str s3_without_quotes(struct str etag) {
  while (etag.length > 0 && etag.data[0] == '"') {
    etag.data++;
    etag.length--;
  }
  while (etag.length > 0 && etag.data[etag.length - 1] == '"')
    etag.length--;
  return etag;
}

static bool copy_found_etag(const char *path, struct str text, void *argument) {
  struct buffer *etag = argument;
  if (strcmp(path, "ETag") != 0) return true;
  etag->length = 0;
  buffer_append_str(etag, s3_without_quotes(text));
  return !etag->failed;
}

bool s3_copied_etag(struct str body, struct buffer *ret_etag) {
  struct error ignored = {0};
  return xml_read(body, "CopyObjectResult", copy_found_etag, ret_etag, &ignored) &&
         ret_etag->length > 0;
}

static bool start_copy(struct s3_copy_run *copying, struct error *error);

/* The status of a copy is sent before its work is done: the body tells how it ended. */
static void on_copied(const struct aws_response *response, void *argument) {
  struct s3_copy_run *copying = argument;
  struct aws_response told = *response;
  struct error error = {0};
  _cleanup_(buffer_free) struct buffer etag = BUFFER_EMPTY;
  if (!response->error && !s3_copied_etag(response->body, &etag)) {
    error_set(&error, ERROR_UNAVAILABLE, "S3 began to copy and did not end");
    if (++copying->tries < COPY_TRIES && start_copy(copying, &error)) return;
    told.error = &error;
  }
  copying->done(&told, copying->argument);
  copying_free(copying);
}

static bool start_copy(struct s3_copy_run *copying, struct error *error) {
  struct aws_request request = {.headers = copying->headers, .header_count = copying->header_count};
  return start_on_object(copying->client, &copying->bucket, "PUT", copying->key, &request,
                         (struct s3_told){on_copied, copying, error});
}

static void add_header(struct s3_copy_run *copying, struct str name, struct str value) {
  copying->headers[copying->header_count++] = (struct sigv4_header){name, value};
}

/* Keeps copies: a second try comes after the caller's headers are gone. Their names are constants
 * or as long-lived as the bucket's. */
static bool keep_headers(struct s3_copy_run *copying, const struct sigv4_header *headers,
                         size_t header_count) {
  for (size_t i = 0; i < header_count; i++) {
    struct buffer *text = &copying->header_texts[i];
    buffer_append_str(text, headers[i].name);
    buffer_append_str(text, headers[i].value);
    if (text->failed) return false;
    struct str name = {text->data, headers[i].name.length};
    add_header(copying, name, (struct str){text->data + name.length, headers[i].value.length});
  }
  return true;
}

/* The source is percent-encoded but for the slashes. */
static void append_source(struct buffer *output, const char *bucket, const char *key) {
  buffer_append_format(output, "/%s/", bucket);
  struct str rest = str_from(key);
  while (rest.length > 0) {
    const char *slash = memchr(rest.data, '/', rest.length);
    size_t length = slash ? (size_t)(slash - rest.data) : rest.length;
    encoding_percent_append(output, (struct str){rest.data, length});
    if (slash) buffer_append_char(output, '/');
    rest =
        (struct str){rest.data + length + (slash != NULL), rest.length - length - (slash != NULL)};
  }
}

static struct s3_copy_run *copying_new(struct aws_client *client, const struct s3_bucket *bucket,
                                       const char *key) {
  struct s3_copy_run *copying = calloc(1, sizeof(*copying));
  if (!copying) return NULL;
  copying->client = client;
  copying->bucket = *bucket;
  copying->key = strdup(key);
  if (copying->key) return copying;
  free(copying);
  return NULL;
}

static bool fill_headers(struct s3_copy_run *copying, const struct s3_copying *copy) {
  const char *etag = copy->etag;
  append_source(&copying->source, copying->bucket.name, copy->from);
  if (copying->source.failed || !keep_headers(copying, copy->headers, copy->header_count))
    return false;
  add_header(copying, STR("x-amz-copy-source"), buffer_str(&copying->source));
  add_header(copying, STR("x-amz-metadata-directive"), STR("REPLACE"));
  if (!etag) return true;
  if (asprintf(&copying->etag, "\"%s\"", etag) < 0) {
    copying->etag = NULL;
    return false;
  }
  add_header(copying, STR("x-amz-copy-source-if-match"), str_from(copying->etag));
  return true;
}

bool s3_copy(struct aws_client *client, const struct s3_bucket *bucket,
             const struct s3_copying *copy, aws_done done, void *argument, struct error *error) {
  assert(copy->header_count <= S3_HEADERS_LIMIT);
  struct s3_copy_run *copying = copying_new(client, bucket, copy->key);
  if (!copying || !fill_headers(copying, copy)) {
    if (copying) copying_free(copying);
    return error_set(error, ERROR_MEMORY, "out of memory for a request to S3");
  }
  copying->done = done;
  copying->argument = argument;
  if (start_copy(copying, error)) return true;
  copying_free(copying);
  return false;
}

/* --- Deleting many --- */

struct s3_deleting {
  s3_key_kept kept;
  void *argument;
  struct buffer key, code, message; /* of the <Error> that is read */
};

static void keep_text(struct buffer *target, struct str text) {
  target->length = 0;
  buffer_append_str(target, text);
}

static bool deleting_element(const char *path, struct str text, void *argument) {
  struct s3_deleting *deleting = argument;
  if (strcmp(path, "Error/Key") == 0) {
    keep_text(&deleting->key, text);
  } else if (strcmp(path, "Error/Code") == 0) {
    keep_text(&deleting->code, text);
  } else if (strcmp(path, "Error/Message") == 0) {
    keep_text(&deleting->message, text);
  } else if (strcmp(path, "Error") == 0) {
    deleting->kept(buffer_text(&deleting->key), buffer_text(&deleting->code),
                   buffer_text(&deleting->message), deleting->argument);
    deleting->key.length = deleting->code.length = deleting->message.length = 0;
  }
  return true;
}

static bool read_kept(struct str body, s3_key_kept kept, void *argument, struct error *error) {
  struct s3_deleting deleting = {.kept = kept, .argument = argument};
  bool read = xml_read(body, "DeleteResult", deleting_element, &deleting, error);
  buffer_free(&deleting.key);
  buffer_free(&deleting.code);
  buffer_free(&deleting.message);
  return read;
}

static void append_deletion(const char *const *keys, size_t count, struct buffer *body) {
  buffer_append_text(body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                           "<Quiet>true</Quiet>");
  for (size_t i = 0; i < count; i++) {
    buffer_append_text(body, "<Object><Key>");
    xml_append_escaped(body, str_from(keys[i]));
    buffer_append_text(body, "</Key></Object>");
  }
  buffer_append_text(body, "</Delete>");
}

/* The checksum that DeleteObjects requires. */
static void md5_base64(struct str bytes, char base64[MD5_BASE64_SIZE]) {
  unsigned char md5[EVP_MAX_MD_SIZE] = {0};
  EVP_Digest(bytes.data, bytes.length, md5, NULL, EVP_md5(), NULL);
  EVP_EncodeBlock((unsigned char *)base64, md5, 16);
}

bool s3_delete_many(const struct aws_session *session, const struct s3_bucket *bucket,
                    const char *const *keys, size_t count, s3_key_kept kept, void *argument,
                    struct error *error) {
  assert(count <= S3_DELETE_LIMIT);
  _cleanup_(buffer_free) struct buffer body = BUFFER_EMPTY;
  append_deletion(keys, count, &body);
  if (body.failed) return error_set(error, ERROR_MEMORY, "out of memory for a request to S3");
  char base64[MD5_BASE64_SIZE];
  md5_base64(buffer_str(&body), base64);
  struct sigv4_parameter query = {STR("delete"), STR("")};
  struct sigv4_header headers[] = {{STR("content-md5"), str_from(base64)},
                                   {STR("content-type"), STR("application/xml")}};
  struct aws_request request = {.query = &query,
                                .query_count = 1,
                                .headers = headers,
                                .header_count = 2,
                                .body = buffer_str(&body),
                                .response_limit = ANSWER_LIMIT};
  struct aws_answer answer;
  bool deleted = call_object(session, bucket, "POST", "", &request, &answer, error) &&
                 read_kept(buffer_str(&answer.body), kept, argument, error);
  buffer_free(&answer.body);
  return deleted;
}
