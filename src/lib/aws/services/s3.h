/* s3.h: the operations of S3 that a sync needs. Those of which many run side by side have a
 * callback, which is called as aws_client_call() does; the others wait. Every operation is
 * idempotent, so unanswered tries are repeated. Source: Amazon S3 API Reference. */
#pragma once

#include "lib/aws/aws_session.h"

enum {
  S3_DELETE_LIMIT = 1000, /* keys in one DeleteObjects, the service's bound */
  S3_PAGES_LIMIT = 10000, /* of a list: ten million keys */
  S3_HEADERS_LIMIT = 16,  /* of one put or copy */
  S3_KEY_LENGTH_LIMIT = 1024,
};

/* Which bucket, and the bounds of each call as in struct aws_request. */
struct s3_bucket {
  const char *name;
  uint64_t deadline_ms;
  uint64_t try_timeout_ms;
};

/* Borrowed for the time of the call. */
struct s3_entry {
  struct str key;
  struct str etag; /* without quotes */
  uint64_t size;
  int64_t modified_s; /* seconds of UTC since 1970 */
};

/* Called for each object in S3's order; returning false ends the list as out of memory. */
typedef bool (*s3_entry_found)(const struct s3_entry *entry, void *argument);

/* Lists all objects below the prefix, page after page (ListObjectsV2, encoding-type=url), and
 * waits. After a page that cannot be read it asks again, and fails in the end: a list is
 * never shorter than the bucket. */
bool s3_list(const struct aws_session *session, const struct s3_bucket *bucket, const char *prefix,
             s3_entry_found found, void *argument, struct error *error);

/* The body of the object, of at most `limit` bytes. `done` and the result as in aws_client_call().
 */
bool s3_get(struct aws_client *client, const struct s3_bucket *bucket, const char *key,
            size_t limit, aws_done done, void *argument, struct error *error);

bool s3_head(struct aws_client *client, const struct s3_bucket *bucket, const char *key,
             aws_done done, void *argument, struct error *error);

struct s3_putting {
  const char *key;
  struct str body;
  const struct sigv4_header *headers; /* Content-MD5 is the caller's to give */
  size_t header_count;
};

/* Writes an object. The body stays until `done`; the rest is copied. */
bool s3_put(struct aws_client *client, const struct s3_bucket *bucket, const struct s3_putting *put,
            aws_done done, void *argument, struct error *error);

struct s3_copying {
  const char *from;
  const char *etag; /* that `from` must have; NULL: any */
  const char *key;
  const struct sigv4_header *headers; /* instead of the source's own */
  size_t header_count;
};

/* Copies an object within the bucket; everything is copied out of `copy`. An answer of 200 that
 * holds an error is one. */
bool s3_copy(struct aws_client *client, const struct s3_bucket *bucket,
             const struct s3_copying *copy, aws_done done, void *argument, struct error *error);

/* Appends the ETag, without quotes, that the answer to a copy tells; false: it tells none. */
bool s3_copied_etag(struct str body, struct buffer *ret_etag);

/* An ETag as the headers have it, without its quotes. */
struct str s3_without_quotes(struct str etag);

/* Deletes the object and waits; one that is not there counts as deleted. */
bool s3_delete(const struct aws_session *session, const struct s3_bucket *bucket, const char *key,
               struct error *error);

/* Told of a key that was not deleted, with S3's code and message. */
typedef void (*s3_key_kept)(const char *key, const char *code, const char *message, void *argument);

/* Deletes `count` keys, at most S3_DELETE_LIMIT, and waits (DeleteObjects). An error means that any
 * of the keys may be there still. Keys that XML cannot express (control characters) must go by
 * s3_delete(). */
bool s3_delete_many(const struct aws_session *session, const struct s3_bucket *bucket,
                    const char *const *keys, size_t count, s3_key_kept kept, void *argument,
                    struct error *error);

/* A version of an object, or a marker that it was deleted; borrowed for the time of the call. */
typedef bool (*s3_version_found)(struct str id, void *argument);

/* Lists the versions of the one object `key` and waits (ListObjectVersions). A bucket without
 * versions tells of the object itself, whose version is "null". */
bool s3_versions(const struct aws_session *session, const struct s3_bucket *bucket, const char *key,
                 s3_version_found found, void *argument, struct error *error);

/* Deletes a version for good and waits. */
bool s3_versions_delete(const struct aws_session *session, const struct s3_bucket *bucket,
                        const char *key, const char *version, struct error *error);

/* True when `key` can be named in XML 1.0. */
bool s3_key_fits_xml(const char *key);

/* Seconds of UTC since 1970 of an RFC 7231 date ("Sun, 06 Nov 1994 08:49:37 GMT") or of an ISO one
 * ("2009-10-12T17:50:30.000Z"); -1 when it is neither, or before 1970. */
int64_t s3_parse_time(struct str text);
