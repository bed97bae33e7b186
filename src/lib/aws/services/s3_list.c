/* s3_list.c: see s3.h: the list of a bucket, page after page. */
#include "lib/aws/services/s3.h"
#include "lib/aws/xml.h"
#include "lib/base/cleanup.h"
#include "lib/base/encoding.h"

#include <string.h>

enum {
  PAGE_TRIES = 4,
  PAGE_LIMIT = 16 * 1024 * 1024,
  KEY_COUNT_LIMIT =
      1000 * 1000, /* S3 gives a thousand keys a page; there is room for other servers */
  TRUTH_UNKNOWN = -1
};

_Static_assert((int)PAGE_LIMIT <= (int)XML_SIZE_LIMIT, "a page that is received can be read");

struct s3_page_entry {
  size_t key_at, key_length; /* in `texts` */
  size_t etag_at, etag_length;
  uint64_t size;
  int64_t modified_s;
};

/* A page as it is read; the caller is told of it when it is whole. */
struct s3_page {
  struct buffer texts;
  struct buffer entries; /* of struct s3_page_entry */
  struct s3_page_entry current;
  struct buffer next_token;
  bool is_encoded;
  int truncated; /* 0, 1 or TRUTH_UNKNOWN */
  long long key_count;
};

static bool read_key(struct s3_page *page, struct str text) {
  if (text.length == 0 || text.length > 3 * S3_KEY_LENGTH_LIMIT) return false;
  page->current.key_at = page->texts.length;
  page->current.key_length = text.length;
  buffer_append_str(&page->texts, text);
  return !page->texts.failed;
}

static bool read_etag(struct s3_page *page, struct str text) {
  text = s3_without_quotes(text);
  page->current.etag_at = page->texts.length;
  page->current.etag_length = text.length;
  buffer_append_str(&page->texts, text);
  return !page->texts.failed;
}

static bool end_entry(struct s3_page *page) {
  if (page->current.key_length == 0 || page->current.modified_s < 0) return false;
  buffer_append(&page->entries, &page->current, sizeof(page->current));
  page->current = (struct s3_page_entry){.modified_s = -1};
  return !page->entries.failed;
}

static bool on_element(const char *path, struct str text, void *argument) {
  struct s3_page *page = argument;
  if (strcmp(path, "Contents/Key") == 0) return read_key(page, text);
  if (strcmp(path, "Contents/ETag") == 0) return read_etag(page, text);
  if (strcmp(path, "Contents/Size") == 0)
    return str_to_u64(text, 0, INT64_MAX, &page->current.size);
  if (strcmp(path, "Contents/LastModified") == 0)
    return (page->current.modified_s = s3_parse_time(text)) >= 0;
  if (strcmp(path, "Contents") == 0) return end_entry(page);
  if (strcmp(path, "IsTruncated") == 0) {
    page->truncated = str_equal(text, STR("true")) ? 1 : 0;
    return page->truncated || str_equal(text, STR("false"));
  }
  if (strcmp(path, "EncodingType") == 0) return page->is_encoded = str_equal(text, STR("url"));
  if (strcmp(path, "KeyCount") == 0) {
    uint64_t count;
    if (!str_to_u64(text, 0, KEY_COUNT_LIMIT, &count)) return false;
    page->key_count = (long long)count;
  }
  if (strcmp(path, "NextContinuationToken") == 0) {
    page->next_token.length = 0;
    buffer_append_str(&page->next_token, text);
    return !page->next_token.failed;
  }
  return true;
}

static void begin_page(struct s3_page *page) {
  page->texts.length = page->entries.length = page->next_token.length = 0;
  page->current = (struct s3_page_entry){.modified_s = -1};
  page->is_encoded = false;
  page->truncated = TRUTH_UNKNOWN;
  page->key_count = -1;
}

/* Keys come percent-encoded, with '+' for a space, because XML cannot hold all of them; servers
 * that do not know how to say so, and then have not done it. */
static bool decode_keys(struct s3_page *page) {
  for (size_t at = 0; at < page->entries.length; at += sizeof(struct s3_page_entry)) {
    struct s3_page_entry entry;
    memcpy(&entry, page->entries.data + at, sizeof(entry));
    char *text = page->texts.data + entry.key_at;
    struct str encoded = {text, entry.key_length};
    if (!encoding_percent_decode(encoded, true, text, &entry.key_length) || entry.key_length == 0)
      return false;
    memcpy(page->entries.data + at, &entry, sizeof(entry));
  }
  return true;
}

static bool read_page(struct s3_page *page, struct str body, struct error *error) {
  begin_page(page);
  if (!xml_read(body, "ListBucketResult", on_element, page, error)) return false;
  size_t count = page->entries.length / sizeof(struct s3_page_entry);
  if (page->is_encoded && !decode_keys(page))
    return error_set(error, ERROR_UNAVAILABLE, "a key in the bucket's list makes no sense");
  if (page->truncated == TRUTH_UNKNOWN || (page->truncated && page->next_token.length == 0) ||
      (page->key_count >= 0 && (size_t)page->key_count != count))
    return error_set(error, ERROR_UNAVAILABLE, "the bucket's list contradicts itself");
  return true;
}

static bool tell_page(const struct s3_page *page, s3_entry_found found, void *argument,
                      struct error *error) {
  for (size_t at = 0; at < page->entries.length; at += sizeof(struct s3_page_entry)) {
    struct s3_page_entry entry;
    memcpy(&entry, page->entries.data + at, sizeof(entry));
    struct s3_entry told = {.key = {page->texts.data + entry.key_at, entry.key_length},
                            .etag = {page->texts.data + entry.etag_at, entry.etag_length},
                            .size = entry.size,
                            .modified_s = entry.modified_s};
    if (!found(&told, argument)) return error_set(error, ERROR_MEMORY, "out of memory");
  }
  return true;
}

/* Asks for the page that begins at `token` (empty: the first) once. */
static bool ask_page(const struct aws_session *session, const struct s3_bucket *bucket,
                     const char *prefix, struct str token, struct aws_answer *ret_answer,
                     struct error *error) {
  struct sigv4_parameter query[5] = {{STR("list-type"), STR("2")},
                                     {STR("encoding-type"), STR("url")},
                                     {STR("max-keys"), STR("1000")}};
  size_t count = 3;
  if (*prefix) query[count++] = (struct sigv4_parameter){STR("prefix"), str_from(prefix)};
  if (token.length > 0) query[count++] = (struct sigv4_parameter){STR("continuation-token"), token};
  struct aws_request request = {.service = AWS_S3,
                                .method = "GET",
                                .bucket = str_from(bucket->name),
                                .path = STR("/"),
                                .query = query,
                                .query_count = count,
                                .deadline_ms = bucket->deadline_ms,
                                .try_timeout_ms = bucket->try_timeout_ms,
                                .response_limit = PAGE_LIMIT,
                                .repeatable = true};
  return aws_session_call(session, &request, ret_answer, error);
}

/* Loads a page; after an answer that cannot be read it asks again. */
static bool load_page(const struct aws_session *session, const struct s3_bucket *bucket,
                      const char *prefix, struct str token, struct s3_page *page,
                      struct error *error) {
  bool read = false;
  for (unsigned tries = 0; !read && tries < PAGE_TRIES; tries++) {
    struct aws_answer answer;
    bool answered = ask_page(session, bucket, prefix, token, &answer, error);
    read = answered && read_page(page, buffer_str(&answer.body), error);
    buffer_free(&answer.body);
    if (!answered) return false;
  }
  return read;
}

bool s3_list(const struct aws_session *session, const struct s3_bucket *bucket, const char *prefix,
             s3_entry_found found, void *argument, struct error *error) {
  struct s3_page page = {0};
  struct buffer token = BUFFER_EMPTY; /* where the next page begins */
  bool done = true, more = true;
  for (unsigned pages = 0; done && more; pages++) {
    done = pages < S3_PAGES_LIMIT
               ? load_page(session, bucket, prefix, buffer_str(&token), &page, error) &&
                     tell_page(&page, found, argument, error)
               : error_set(error, ERROR_MEMORY, "the bucket holds too many objects");
    more = done && page.truncated;
    token.length = 0;
    buffer_append_str(&token, buffer_str(&page.next_token));
    if (token.failed) done = error_set(error, ERROR_MEMORY, "out of memory");
  }
  buffer_free(&token);
  buffer_free(&page.texts);
  buffer_free(&page.entries);
  buffer_free(&page.next_token);
  return done;
}
