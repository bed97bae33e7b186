/* s3_versions.c: see s3.h: the versions of one object, in a bucket that keeps them. */
#include "lib/aws/services/s3.h"
#include "lib/aws/xml.h"
#include "lib/base/cleanup.h"
#include "lib/base/encoding.h"

#include <assert.h>
#include <string.h>

enum { ANSWER_LIMIT = 8 * 1024 * 1024, PAGES_LIMIT = 1000 };

/* A page as it is read. */
struct s3_version_page {
  const char *wanted;
  s3_version_found found;
  void *argument;
  struct buffer key, id; /* of the version that is read */
  struct buffer next_key, next_id;
  bool truncated;
};

static bool keep(struct buffer *target, struct str text) {
  target->length = 0;
  buffer_append_str(target, text);
  return !target->failed;
}

/* Keys come percent-encoded. */
static bool keep_decoded(struct buffer *target, struct str text) {
  size_t length;
  if (!keep(target, text) || text.length == 0) return !target->failed;
  if (!encoding_percent_decode(text, true, target->data, &length)) return false;
  target->length = length;
  return true;
}

static bool on_element(const char *path, struct str text, void *argument) {
  struct s3_version_page *page = argument;
  const char *slash = strchr(path, '/');
  bool is_entry = str_starts_with(str_from(path), STR("Version")) ||
                  str_starts_with(str_from(path), STR("DeleteMarker"));
  if (is_entry && slash && strcmp(slash, "/Key") == 0) return keep_decoded(&page->key, text);
  if (is_entry && slash && strcmp(slash, "/VersionId") == 0) return keep(&page->id, text);
  if (is_entry && !slash && str_equal(buffer_str(&page->key), str_from(page->wanted)))
    return page->found(buffer_str(&page->id), page->argument);
  if (strcmp(path, "IsTruncated") == 0) page->truncated = str_equal(text, STR("true"));
  if (strcmp(path, "NextKeyMarker") == 0) return keep_decoded(&page->next_key, text);
  if (strcmp(path, "NextVersionIdMarker") == 0) return keep(&page->next_id, text);
  return true;
}

static bool call(const struct aws_session *session, const struct s3_bucket *bucket,
                 const char *method, struct str path, const struct sigv4_parameter *query,
                 size_t query_count, struct buffer *ret_body, struct error *error) {
  struct aws_request request = {.service = AWS_S3,
                                .method = method,
                                .bucket = str_from(bucket->name),
                                .path = path,
                                .query = query,
                                .query_count = query_count,
                                .deadline_ms = bucket->deadline_ms,
                                .try_timeout_ms = bucket->try_timeout_ms,
                                .response_limit = ANSWER_LIMIT,
                                .repeatable = true};
  struct aws_answer answer;
  bool done = aws_session_call(session, &request, &answer, error);
  *ret_body = answer.body;
  return done;
}

static bool read_page(const struct aws_session *session, const struct s3_bucket *bucket,
                      struct s3_version_page *page, struct error *error) {
  _cleanup_(buffer_free) struct buffer body = BUFFER_EMPTY;
  struct sigv4_parameter query[] = {{STR("versions"), STR("")},
                                    {STR("encoding-type"), STR("url")},
                                    {STR("prefix"), str_from(page->wanted)},
                                    {STR("key-marker"), buffer_str(&page->next_key)},
                                    {STR("version-id-marker"), buffer_str(&page->next_id)}};
  size_t count = page->next_key.length == 0 ? 3 : page->next_id.length == 0 ? 4 : 5;
  page->truncated = false;
  return call(session, bucket, "GET", STR("/"), query, count, &body, error) &&
         xml_read(buffer_str(&body), "ListVersionsResult", on_element, page, error);
}

bool s3_versions(const struct aws_session *session, const struct s3_bucket *bucket, const char *key,
                 s3_version_found found, void *argument, struct error *error) {
  struct s3_version_page page = {.wanted = key, .found = found, .argument = argument};
  bool read = false;
  assert(*key); /* all versions of a bucket are more than anybody means */
  unsigned pages = 0;
  do
    read = read_page(session, bucket, &page, error);
  while (read && page.truncated && ++pages < PAGES_LIMIT &&
         str_equal(buffer_str(&page.next_key), str_from(key)));
  buffer_free(&page.key);
  buffer_free(&page.id);
  buffer_free(&page.next_key);
  buffer_free(&page.next_id);
  return read;
}

bool s3_versions_delete(const struct aws_session *session, const struct s3_bucket *bucket,
                        const char *key, const char *version, struct error *error) {
  _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY, body = BUFFER_EMPTY;
  struct sigv4_parameter query = {STR("versionId"), str_from(version)};
  buffer_append_format(&path, "/%s", key);
  if (path.failed) return error_set(error, ERROR_MEMORY, "out of memory for a request to S3");
  return call(session, bucket, "DELETE", buffer_str(&path), &query, 1, &body, error);
}
