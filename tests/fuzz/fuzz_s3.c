/* fuzz_s3.c: S3's answers: the list of a bucket page after page, the result of a deletion, dates.
 * What is wrong with a list must end it as an error: the sync deletes by it. */
#include "answers.h"

#include "lib/aws/services/s3.h"
#include "lib/base/utf8.h"

struct seen {
  size_t entries;
  unsigned ends;
};

static const struct s3_bucket BUCKET = {.name = "bucket", .deadline_ms = 1000};

static bool on_entry(const struct s3_entry *entry, void *argument) {
  struct seen *seen = argument;
  seen->entries++;
  assert(entry->key.length > 0 && entry->key.length <= 3 * (size_t)S3_KEY_LENGTH_LIMIT);
  assert(utf8_valid(entry->key) && entry->modified_s >= 0 && entry->size <= INT64_MAX);
  assert(utf8_valid(entry->etag) && (entry->etag.length == 0 || entry->etag.data[0] != '"'));
  return true;
}

static void on_failed(const char *key, const char *code, const char *message, void *argument) {
  struct seen *seen = argument;
  seen->entries++;
  assert(utf8_valid(str_from(key)) && utf8_valid(str_from(code)) && utf8_valid(str_from(message)));
}

static void on_copied(const struct aws_response *response, void *argument) {
  struct seen *seen = argument;
  seen->ends++;
  assert(response->error || response->status == 200);
}

static void check_end(bool done, const struct error *error) {
  assert(done || (error->kind != ERROR_NONE && utf8_valid(str_from(error->message))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const KEYS[] = {"a", "b"};
  struct str text = fuzz_text(data, size);
  struct aws_session *session = answers_session();
  struct seen seen = {0};
  struct error error = {0};
  assert(s3_parse_time(text) >= -1);

  answers_begin(text);
  check_end(s3_list(session, &BUCKET, "", on_entry, &seen, &error), &error);
  answers_begin(text);
  check_end(s3_delete_many(session, &BUCKET, KEYS, 2, on_failed, &seen, &error), &error);

  answers_begin(text);
  assert(s3_copy(NULL, &BUCKET, &(struct s3_copying){.from = "a", .key = "b"}, on_copied, &seen,
                 &error));
  answers_run();
  assert(seen.ends == 1);
  return 0;
}
