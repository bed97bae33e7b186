/* sigv4.c: see sigv4.h. No state: a signature is made in the order of the documentation, canonical
 * request, text to sign, signature, and whatever fails on the way is a buffer that has failed. */
#include "lib/aws/sigv4.h"

#include "lib/base/encoding.h"

#include <assert.h>
#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OWN_HEADERS = 4, DAY_LENGTH = 8 }; /* host, date, token, content hash */

static const char ALGORITHM[] = "AWS4-HMAC-SHA256";

struct sigv4_header_list {
  struct sigv4_header headers[SIGV4_HEADERS_LIMIT + OWN_HEADERS];
  size_t count;
};

struct sigv4_pair {
  struct str name, value; /* percent-encoded */
};

static bool is_s3(const struct sigv4_request *request) {
  return strcmp(request->service, "s3") == 0;
}

static void format_hex(const unsigned char hash[SHA256_DIGEST_LENGTH], char text[SIGV4_HASH_SIZE]) {
  static const char DIGITS[] = "0123456789abcdef";
  for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++) {
    text[2 * i] = DIGITS[hash[i] >> 4];
    text[2 * i + 1] = DIGITS[hash[i] & 15];
  }
  text[SIGV4_HASH_SIZE - 1] = '\0';
}

static void hash_text(struct str bytes, char text[SIGV4_HASH_SIZE]) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256((const unsigned char *)(bytes.data ? bytes.data : ""), bytes.length, hash);
  format_hex(hash, text);
}

/* HMAC of `message` under `key`, which may be `output`. */
static bool hmac(const unsigned char *key, size_t key_length, struct str message,
                 unsigned char output[SHA256_DIGEST_LENGTH]) {
  unsigned char result[SHA256_DIGEST_LENGTH];
  unsigned length = 0;
  if (!HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)message.data, message.length,
            result, &length))
    return false;
  memcpy(output, result, sizeof(result));
  return true;
}

/* Paths. */

static void append_encoded_path(struct buffer *output, struct str path) {
  size_t start = 0;
  for (size_t i = 0; i <= path.length; i++) {
    if (i < path.length && path.data[i] != '/') continue;
    encoding_percent_append(output, (struct str){path.data + start, i - start});
    if (i < path.length) buffer_append_char(output, '/');
    start = i + 1;
  }
}

static void drop_last_segment(struct buffer *output) {
  while (output->length > 0 && output->data[output->length - 1] != '/')
    output->length--;
  if (output->length > 1) output->length--;
}

/* Without "." and ".." and empty segments: what services other than S3 expect. Keeps a last '/'. */
static void append_normalised_path(struct buffer *output, struct str path) {
  struct buffer normal = BUFFER_EMPTY;
  size_t start = 0;
  for (size_t i = 0; i <= path.length; i++) {
    if (i < path.length && path.data[i] != '/') continue;
    struct str segment = {path.data + start, i - start};
    start = i + 1;
    if (str_equal(segment, STR("..")) && normal.length > 0) drop_last_segment(&normal);
    if (segment.length == 0 || str_equal(segment, STR(".")) || str_equal(segment, STR("..")))
      continue;
    if (normal.length == 0 || normal.data[normal.length - 1] != '/')
      buffer_append_char(&normal, '/');
    buffer_append_str(&normal, segment);
  }
  bool ends_open = path.length > 0 && path.data[path.length - 1] == '/';
  if (normal.length == 0 || (ends_open && normal.data[normal.length - 1] != '/'))
    buffer_append_char(&normal, '/');
  if (normal.failed) output->failed = true;
  buffer_append_str(output, buffer_str(&normal));
  buffer_free(&normal);
}

/* Appends the path as it is sent to `target`, and as it is signed to `canonical`. */
static void append_path(const struct sigv4_request *request, struct buffer *target,
                        struct buffer *canonical) {
  struct str path = request->path.length > 0 ? request->path : STR("/");
  if (is_s3(request)) {
    append_encoded_path(target, path);
    buffer_append_str(canonical, buffer_str(target));
    return;
  }
  struct buffer normal = BUFFER_EMPTY;
  append_normalised_path(&normal, path);
  append_encoded_path(target, buffer_str(&normal));
  append_encoded_path(canonical, buffer_str(target));
  if (normal.failed) target->failed = true;
  buffer_free(&normal);
}

/* The query. */

static int compare_text(struct str a, struct str b) {
  size_t shorter = a.length < b.length ? a.length : b.length;
  int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;
  if (order != 0) return order;
  return a.length < b.length ? -1 : a.length > b.length;
}

static int compare_pairs(const void *left, const void *right) {
  const struct sigv4_pair *a = left, *b = right;
  int order = compare_text(a->name, b->name);
  return order != 0 ? order : compare_text(a->value, b->value);
}

/* Encoded texts stand one after the other in `storage`; slices are cut when it has stopped moving.
 */
static void encode_pairs(const struct sigv4_request *request, struct buffer *storage,
                         struct sigv4_pair *pairs) {
  size_t lengths[2 * SIGV4_PARAMETERS_LIMIT];
  for (size_t i = 0; i < request->query_count; i++) {
    size_t start = storage->length;
    encoding_percent_append(storage, request->query[i].name);
    lengths[2 * i] = storage->length - start;
    start = storage->length;
    encoding_percent_append(storage, request->query[i].value);
    lengths[2 * i + 1] = storage->length - start;
  }
  const char *place = storage->data;
  for (size_t i = 0; !storage->failed && i < request->query_count; i++) {
    pairs[i].name = (struct str){place, lengths[2 * i]};
    pairs[i].value = (struct str){place + lengths[2 * i], lengths[2 * i + 1]};
    place += lengths[2 * i] + lengths[2 * i + 1];
  }
  assert(storage->failed || place == storage->data + storage->length);
}

static void append_query(struct buffer *output, const struct sigv4_request *request) {
  struct sigv4_pair pairs[SIGV4_PARAMETERS_LIMIT] = {0};
  struct buffer storage = BUFFER_EMPTY;
  encode_pairs(request, &storage, pairs);
  if (storage.failed) output->failed = true;
  if (request->query_count > 0) qsort(pairs, request->query_count, sizeof(pairs[0]), compare_pairs);
  for (size_t i = 0; i < request->query_count && !storage.failed; i++) {
    if (i > 0) buffer_append_char(output, '&');
    buffer_append_str(output, pairs[i].name);
    buffer_append_char(output, '=');
    buffer_append_str(output, pairs[i].value);
  }
  buffer_free(&storage);
}

/* Headers. */

static int compare_names(struct str a, struct str b) {
  size_t shorter = a.length < b.length ? a.length : b.length;
  int order = shorter > 0 ? strncasecmp(a.data, b.data, shorter) : 0;
  if (order != 0) return order;
  return a.length < b.length ? -1 : a.length > b.length;
}

/* Keeps the list in order of names; equal names stay in the order they came. */
static void add_header(struct sigv4_header_list *list, struct str name, struct str value) {
  assert(list->count < SIGV4_HEADERS_LIMIT + OWN_HEADERS);
  size_t place = list->count++;
  while (place > 0 && compare_names(list->headers[place - 1].name, name) > 0) {
    list->headers[place] = list->headers[place - 1];
    place--;
  }
  list->headers[place] = (struct sigv4_header){name, value};
}

static void collect_headers(const struct sigv4_request *request, const struct sigv4_keys *keys,
                            const struct sigv4_signature *signature,
                            struct sigv4_header_list *list) {
  list->count = 0;
  add_header(list, STR("host"), request->host);
  add_header(list, STR("x-amz-date"), str_from(signature->date));
  if (is_s3(request))
    add_header(list, STR("x-amz-content-sha256"), str_from(signature->content_sha256));
  if (keys->session_token.length > 0)
    add_header(list, STR("x-amz-security-token"), keys->session_token);
  for (size_t i = 0; i < request->header_count; i++)
    add_header(list, request->headers[i].name, request->headers[i].value);
}

static void append_lower(struct buffer *output, struct str name) {
  for (size_t i = 0; i < name.length; i++)
    buffer_append_char(output, (char)tolower((unsigned char)name.data[i]));
}

/* Without white space around, and with one space for each run of it within. */
static void append_header_value(struct buffer *output, struct str value) {
  bool gap = false, begun = false;
  for (size_t i = 0; i < value.length; i++) {
    if (isspace((unsigned char)value.data[i])) {
      gap = begun;
      continue;
    }
    if (gap) buffer_append_char(output, ' ');
    buffer_append_char(output, value.data[i]);
    gap = false;
    begun = true;
  }
}

static bool is_repeated(const struct sigv4_header_list *list, size_t i) {
  return i > 0 && compare_names(list->headers[i - 1].name, list->headers[i].name) == 0;
}

static void append_headers(struct buffer *output, const struct sigv4_header_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    if (is_repeated(list, i)) {
      buffer_append_char(output, ',');
    } else {
      if (i > 0) buffer_append_char(output, '\n');
      append_lower(output, list->headers[i].name);
      buffer_append_char(output, ':');
    }
    append_header_value(output, list->headers[i].value);
  }
  buffer_append_char(output, '\n');
}

static void append_header_names(struct buffer *output, const struct sigv4_header_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    if (is_repeated(list, i)) continue;
    if (i > 0) buffer_append_char(output, ';');
    append_lower(output, list->headers[i].name);
  }
}

/* The signature. */

static void build_canonical_request(const struct sigv4_request *request,
                                    const struct sigv4_header_list *list,
                                    struct sigv4_signature *signature) {
  struct buffer *canonical = &signature->canonical_request;
  buffer_append_text(canonical, request->method);
  buffer_append_char(canonical, '\n');
  append_path(request, &signature->target, canonical);
  buffer_append_char(canonical, '\n');
  size_t query_start = canonical->length;
  append_query(canonical, request);
  if (request->query_count > 0 && !canonical->failed) {
    buffer_append_char(&signature->target, '?');
    buffer_append(&signature->target, canonical->data + query_start,
                  canonical->length - query_start);
  }
  buffer_append_char(canonical, '\n');
  append_headers(canonical, list);
  buffer_append_char(canonical, '\n');
  append_header_names(canonical, list);
  buffer_append_char(canonical, '\n');
  buffer_append_text(canonical, signature->content_sha256);
}

static void append_scope(struct buffer *output, const struct sigv4_request *request,
                         const char *date) {
  buffer_append(output, date, DAY_LENGTH);
  buffer_append_format(output, "/%s/%s/aws4_request", request->region, request->service);
}

static bool sign_text(const struct sigv4_request *request, const struct sigv4_keys *keys,
                      const char *date, struct str text, char ret_signature[SIGV4_HASH_SIZE]) {
  struct buffer secret = BUFFER_EMPTY;
  buffer_append_text(&secret, "AWS4");
  buffer_append_str(&secret, keys->secret_access_key);
  unsigned char key[SHA256_DIGEST_LENGTH];
  bool done = !secret.failed &&
              hmac((const unsigned char *)secret.data, secret.length,
                   (struct str){date, DAY_LENGTH}, key) &&
              hmac(key, sizeof(key), str_from(request->region), key) &&
              hmac(key, sizeof(key), str_from(request->service), key) &&
              hmac(key, sizeof(key), STR("aws4_request"), key) && hmac(key, sizeof(key), text, key);
  if (done) format_hex(key, ret_signature);
  if (secret.data) explicit_bzero(secret.data, secret.length);
  buffer_free(&secret);
  return done;
}

static bool append_authorization(const struct sigv4_request *request, const struct sigv4_keys *keys,
                                 const struct sigv4_header_list *list,
                                 struct sigv4_signature *signature) {
  char hash[SIGV4_HASH_SIZE], result[SIGV4_HASH_SIZE];
  hash_text(buffer_str(&signature->canonical_request), hash);
  struct buffer text = BUFFER_EMPTY;
  buffer_append_format(&text, "%s\n%s\n", ALGORITHM, signature->date);
  append_scope(&text, request, signature->date);
  buffer_append_format(&text, "\n%s", hash);
  bool done = !text.failed && sign_text(request, keys, signature->date, buffer_str(&text), result);
  buffer_free(&text);
  if (!done) return false;
  struct buffer *output = &signature->authorization;
  buffer_append_format(output, "%s Credential=", ALGORITHM);
  buffer_append_str(output, keys->access_key_id);
  buffer_append_char(output, '/');
  append_scope(output, request, signature->date);
  buffer_append_text(output, ", SignedHeaders=");
  append_header_names(output, list);
  buffer_append_format(output, ", Signature=%s", result);
  return true;
}

static bool format_date(int64_t unix_s, char date[SIGV4_DATE_SIZE]) {
  struct tm parts;
  time_t seconds = (time_t)unix_s;
  return gmtime_r(&seconds, &parts) && strftime(date, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &parts);
}

bool sigv4_sign(const struct sigv4_request *request, const struct sigv4_keys *keys,
                struct sigv4_signature *ret_signature, struct error *error) {
  if (request->query_count > SIGV4_PARAMETERS_LIMIT || request->header_count > SIGV4_HEADERS_LIMIT)
    return error_set(error, ERROR_INVALID,
                     "a request to AWS has more than %d parameters or %d headers",
                     SIGV4_PARAMETERS_LIMIT, SIGV4_HEADERS_LIMIT);
  struct sigv4_signature signature = {0};
  if (!format_date(request->unix_s, signature.date))
    return error_set(error, ERROR_INVALID, "a request to AWS has no time that can be written");
  hash_text(request->body, signature.content_sha256);
  struct sigv4_header_list list;
  collect_headers(request, keys, &signature, &list);
  build_canonical_request(request, &list, &signature);
  bool built = !signature.canonical_request.failed && !signature.target.failed;
  if (!built || !append_authorization(request, keys, &list, &signature) ||
      signature.authorization.failed) {
    sigv4_signature_free(&signature);
    return error_set(error, ERROR_MEMORY, "out of memory");
  }
  *ret_signature = signature;
  return true;
}

void sigv4_signature_free(struct sigv4_signature *signature) {
  buffer_free(&signature->authorization);
  buffer_free(&signature->target);
  buffer_free(&signature->canonical_request);
}
