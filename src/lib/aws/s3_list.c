/* s3_list.c: see s3.h: the list of a bucket, page after page. */
#include "lib/aws/document.h"
#include "lib/aws/s3.h"
#include "lib/base/cleanup.h"
#include "lib/base/encoding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_TRIES = 4, PAGE_LIMIT = 16 * 1024 * 1024, TRUTH_UNKNOWN = -1 };

struct page_entry {
  size_t key_at, key_length; /* in `texts` */
  size_t etag_at, etag_length;
  uint64_t size;
  int64_t modified_s;
};

struct listing {
  struct aws_client *client;
  struct s3_listing wanted;
  unsigned pages, tries;
  struct buffer token; /* where the next page begins; empty: at the start */

  /* The page that is read; told to the caller when it is whole. */
  struct buffer texts;
  struct buffer entries; /* of struct page_entry */
  struct page_entry current;
  struct buffer next_token;
  bool is_encoded;
  int truncated; /* 0, 1 or TRUTH_UNKNOWN */
  long long key_count;
};

static void listing_free(struct listing *listing) {
  buffer_free(&listing->token);
  buffer_free(&listing->texts);
  buffer_free(&listing->entries);
  buffer_free(&listing->next_token);
  free(listing);
}

static void end_listing(struct listing *listing, const struct error *error) {
  listing->wanted.done(error, listing->wanted.argument);
  listing_free(listing);
}

static bool read_number(struct str text, uint64_t *ret_number) {
  char copy[24] = {0}, *end = NULL;
  if (text.length == 0 || text.length >= sizeof(copy) || text.data[0] < '0' || text.data[0] > '9')
    return false;
  memcpy(copy, text.data, text.length);
  errno = 0;
  *ret_number = strtoull(copy, &end, 10);
  return *end == '\0' && errno == 0 && *ret_number <= INT64_MAX;
}

static bool read_key(struct listing *listing, struct str text) {
  if (text.length == 0 || text.length > 3 * S3_KEY_LENGTH_LIMIT) return false;
  listing->current.key_at = listing->texts.length;
  listing->current.key_length = text.length;
  buffer_append_str(&listing->texts, text);
  return !listing->texts.failed;
}

static bool read_etag(struct listing *listing, struct str text) {
  text = s3_without_quotes(text);
  listing->current.etag_at = listing->texts.length;
  listing->current.etag_length = text.length;
  buffer_append_str(&listing->texts, text);
  return !listing->texts.failed;
}

static bool end_entry(struct listing *listing) {
  if (listing->current.key_length == 0 || listing->current.modified_s < 0) return false;
  buffer_append(&listing->entries, &listing->current, sizeof(listing->current));
  listing->current = (struct page_entry){.modified_s = -1};
  return !listing->entries.failed;
}

static bool on_element(const char *path, struct str text, void *argument) {
  struct listing *listing = argument;
  if (strcmp(path, "Contents/Key") == 0) return read_key(listing, text);
  if (strcmp(path, "Contents/ETag") == 0) return read_etag(listing, text);
  if (strcmp(path, "Contents/Size") == 0) return read_number(text, &listing->current.size);
  if (strcmp(path, "Contents/LastModified") == 0)
    return (listing->current.modified_s = s3_parse_time(text)) >= 0;
  if (strcmp(path, "Contents") == 0) return end_entry(listing);
  if (strcmp(path, "IsTruncated") == 0) {
    listing->truncated = str_equal(text, STR("true")) ? 1 : 0;
    return listing->truncated || str_equal(text, STR("false"));
  }
  if (strcmp(path, "EncodingType") == 0) return listing->is_encoded = str_equal(text, STR("url"));
  if (strcmp(path, "KeyCount") == 0) {
    uint64_t count;
    if (!read_number(text, &count)) return false;
    listing->key_count = (long long)count;
  }
  if (strcmp(path, "NextContinuationToken") == 0) {
    listing->next_token.length = 0;
    buffer_append_str(&listing->next_token, text);
    return !listing->next_token.failed;
  }
  return true;
}

static void begin_page(struct listing *listing) {
  listing->texts.length = listing->entries.length = listing->next_token.length = 0;
  listing->current = (struct page_entry){.modified_s = -1};
  listing->is_encoded = false;
  listing->truncated = TRUTH_UNKNOWN;
  listing->key_count = -1;
}

/* Keys come percent-encoded, with '+' for a space, because XML cannot hold all of them; servers
 * that do not know how to say so, and then have not done it. */
static bool decode_keys(struct listing *listing) {
  for (size_t at = 0; at < listing->entries.length; at += sizeof(struct page_entry)) {
    struct page_entry entry;
    memcpy(&entry, listing->entries.data + at, sizeof(entry));
    char *text = listing->texts.data + entry.key_at;
    struct str encoded = {text, entry.key_length};
    if (!percent_decode(encoded, true, text, &entry.key_length) || entry.key_length == 0)
      return false;
    memcpy(listing->entries.data + at, &entry, sizeof(entry));
  }
  return true;
}

static bool read_page(struct listing *listing, struct str body, struct error *error) {
  begin_page(listing);
  if (!document_read(body, "ListBucketResult", on_element, listing, error)) return false;
  size_t count = listing->entries.length / sizeof(struct page_entry);
  if (listing->is_encoded && !decode_keys(listing))
    return error_set(error, ERROR_UNAVAILABLE, "a key in the bucket's list makes no sense");
  if (listing->truncated == TRUTH_UNKNOWN ||
      (listing->truncated && listing->next_token.length == 0) ||
      (listing->key_count >= 0 && (size_t)listing->key_count != count))
    return error_set(error, ERROR_UNAVAILABLE, "the bucket's list contradicts itself");
  return true;
}

static bool tell_page(struct listing *listing) {
  for (size_t at = 0; at < listing->entries.length; at += sizeof(struct page_entry)) {
    struct page_entry entry;
    memcpy(&entry, listing->entries.data + at, sizeof(entry));
    struct s3_entry told = {.key = {listing->texts.data + entry.key_at, entry.key_length},
                            .etag = {listing->texts.data + entry.etag_at, entry.etag_length},
                            .size = entry.size,
                            .modified_s = entry.modified_s};
    if (!listing->wanted.entry(&told, listing->wanted.argument)) return false;
  }
  return true;
}

static bool ask_page(struct listing *listing);

static void on_page(const struct aws_response *response, void *argument) {
  struct listing *listing = argument;
  struct error error = {0};
  if (response->error) {
    end_listing(listing, response->error);
    return;
  }
  bool read = read_page(listing, response->body, &error);
  if (read) {
    listing->tries = 0;
    if (!tell_page(listing)) {
      read = error_set(&error, ERROR_MEMORY, "out of memory");
    } else if (!listing->truncated) {
      end_listing(listing, NULL);
      return;
    } else {
      listing->token.length = 0;
      buffer_append_str(&listing->token, buffer_str(&listing->next_token));
      if (++listing->pages == S3_PAGES_LIMIT)
        read = error_set(&error, ERROR_MEMORY, "the bucket holds too many objects");
    }
  }
  bool again = read || (error.kind == ERROR_UNAVAILABLE && ++listing->tries < PAGE_TRIES);
  if (again && ask_page(listing)) return;
  if (again) error_set(&error, ERROR_MEMORY, "out of memory");
  end_listing(listing, &error);
}

static bool ask_page(struct listing *listing) {
  struct sigv4_parameter query[5] = {{STR("list-type"), STR("2")},
                                     {STR("encoding-type"), STR("url")},
                                     {STR("max-keys"), STR("1000")}};
  size_t count = 3;
  if (*listing->wanted.prefix)
    query[count++] = (struct sigv4_parameter){STR("prefix"), str_from(listing->wanted.prefix)};
  if (listing->token.length > 0)
    query[count++] =
        (struct sigv4_parameter){STR("continuation-token"), buffer_str(&listing->token)};
  struct aws_request request = {.service = AWS_S3,
                                .method = "GET",
                                .bucket = str_from(listing->wanted.bucket.name),
                                .path = STR("/"),
                                .query = query,
                                .query_count = count,
                                .deadline_ms = listing->wanted.bucket.deadline_ms,
                                .try_timeout_ms = listing->wanted.bucket.try_timeout_ms,
                                .response_limit = PAGE_LIMIT,
                                .repeatable = true};
  return aws_call(listing->client, &request, on_page, listing);
}

bool s3_list(struct aws_client *client, const struct s3_listing *wanted) {
  struct listing *listing = calloc(1, sizeof(*listing));
  if (!listing) return false;
  listing->client = client;
  listing->wanted = *wanted;
  if (ask_page(listing)) return true;
  listing_free(listing);
  return false;
}
