/* test_sync_remove.c: deletions, with answers that S3 should not give. The linker puts functions of
 * ours in the place of those that send and wait (--wrap). */
#include "unit.h"

#include "lib/sync/do/remove.h"

static const struct sync_place place = {.bucket = "bucket", .prefix = "p/"};
static const struct sync_session session = {.jobs = 1};

/* What each batch is answered: the key that fails, with which code, how many times. */
static struct {
  const char *key, *code;
  size_t times;
} answers[3];
static size_t batches, lengths[3];

void __wrap_sync_session_pause(const struct sync_session *of, uint64_t ms);
bool __wrap_s3_delete_many(struct aws_session *aws, const struct s3_bucket *bucket,
                           const char *const *keys, size_t count, s3_key_kept kept, void *argument,
                           struct error *error);

void __wrap_sync_session_pause(const struct sync_session *of, uint64_t ms) {
}

bool __wrap_s3_delete_many(struct aws_session *aws, const struct s3_bucket *bucket,
                           const char *const *keys, size_t count, s3_key_kept kept, void *argument,
                           struct error *error) {
  assert_true(batches < 3);
  for (size_t i = 0; i < answers[batches].times; i++)
    kept(answers[batches].key, answers[batches].code, "why", argument);
  lengths[batches++] = count;
  return true;
}

static int forget(void **state) {
  memset(answers, 0, sizeof(answers));
  batches = 0;
  return 0;
}

static const char *const KEYS[] = {"p/a", "p/b"};

static void what_failed_for_the_moment_is_tried_again(void **state) {
  struct remove_counts counts;
  answers[0].key = "p/b";
  answers[0].code = "InternalError";
  answers[0].times = 1;
  assert_true(remove_keys(&session, &place, KEYS, 2, &counts, NULL));
  assert_int_equal(batches, 2);
  assert_int_equal(lengths[1], 1);
  assert_int_equal(counts.deleted, 2);
  assert_int_equal(counts.failed, 0);
}

static void a_key_that_is_named_twice_fails_once(void **state) {
  struct remove_counts counts;
  answers[0].key = "p/a";
  answers[0].code = "SlowDown";
  answers[0].times = 5000; /* more than there is room for */
  assert_true(remove_keys(&session, &place, KEYS, 2, &counts, NULL));
  assert_int_equal(lengths[1], 1);
  assert_int_equal(counts.deleted, 2);
}

static void a_key_that_nobody_asked_for_is_not_deleted(void **state) {
  struct remove_counts counts;
  struct error error = {0};
  answers[0].key = "p/other";
  answers[0].code = "InternalError";
  answers[0].times = 1;
  assert_false(remove_keys(&session, &place, KEYS, 2, &counts, &error));
  assert_int_equal(batches, 1);
  assert_int_equal(error.kind, ERROR_DENIED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(what_failed_for_the_moment_is_tried_again, forget),
      cmocka_unit_test_setup(a_key_that_is_named_twice_fails_once, forget),
      cmocka_unit_test_setup(a_key_that_nobody_asked_for_is_not_deleted, forget),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
