/* test_connection_url.c: CONNECTION_URL: what passes, what is named, and that no password is shown.
 */
#include "unit.h"

#include "lib/pg/connection_url.h"

static void what_libpq_can_use_passes(void **state) {
  static const char *const GOOD[] = {
      "postgresql://user:secret@host:5432/cruddur",
      "postgres://user:p%40s%2Fs%23@host/cruddur?sslmode=verify-full",
      "postgresql://host1:5432,host2:65535/cruddur",
      "host=/var/run/postgresql dbname=cruddur",
      "host=a,b port=5432,5433",
      "",
  };
  struct error error;
  for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++)
    if (!connection_url_check(GOOD[i], &error)) fail_msg("%s: %s", GOOD[i], error.message);
}

static void a_bad_one_is_told_with_its_reason(void **state) {
  static const struct {
    const char *url, *reason;
  } BAD[] = {
      {"postgresql://user:secret@host:0/cruddur", "its port is no number"},
      {"postgresql://user:secret@host:65536/cruddur", "its port is no number"},
      {"host=a,b port=5432,54x3", "its port is no number"},
      {"host=a port=-1", "its port is no number"},
      {"hosts=secret", "invalid connection option \"hosts\""},
      {"postgresql://user:secret@[::1/cruddur", "matching \"]\" in IPv6 host address"},
      {"postgresql://user:secret@host/db?sslmod=require", "parameter: \"sslmod\""},
      {"postgresql://user:sec/secret@host/db", "its port is no number"},
      {"postgresql://user:12/secret@host/db", "its database has an @"},
      {"postgresql://user:sec@secret@host/db", "its host has an @"},
      {"postgresql://user:secret%zz@host/db", "invalid percent-encoded token: \"…\""},
      {"host=x password=two secret dbname=y", "missing \"=\" after \"…\""},
      {"host=x password=two secret=1", "invalid connection option \"…\""},
      {"password='secret", "unterminated quoted string"},
      {"secret", "missing \"=\" after"},
  };
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    struct error error = {0};
    assert_false(connection_url_check(BAD[i].url, &error));
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_true(str_starts_with(str_from(error.message), STR("CONNECTION_URL ")));
    if (!strstr(error.message, BAD[i].reason)) fail_msg("%s: %s", BAD[i].url, error.message);
    if (i < 14 && strstr(error.message, "secret")) fail_msg("%s", error.message);
    assert_non_null(strstr(error.message, ", for example CONNECTION_URL=postgresql://"));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_libpq_can_use_passes),
      cmocka_unit_test(a_bad_one_is_told_with_its_reason),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
