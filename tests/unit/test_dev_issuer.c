/* test_dev_issuer.c: the development pool: what it signs is what the server accepts. */
#include "unit.h"

#include "lib/auth/dev_issuer.h"
#include "lib/auth/token.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t NOW = 1700000000;

static char folder[64], private_path[96], document_path[96];

static int make_folder(void **state) {
  strcpy(folder, "/tmp/test_dev_issuer_XXXXXX");
  if (!mkdtemp(folder)) return -1;
  snprintf(private_path, sizeof(private_path), "%s/private.pem", folder);
  snprintf(document_path, sizeof(document_path), "%s/jwks.json", folder);
  return 0;
}

static int remove_folder(void **state) {
  unlink(private_path);
  unlink(document_path);
  return rmdir(folder);
}

static size_t read_text(const char *path, char text[4096]) {
  int fd = open(path, O_RDONLY);
  assert_true(fd >= 0);
  ssize_t length = read(fd, text, 4095);
  assert_true(length > 0);
  text[length] = '\0';
  close(fd);
  return (size_t)length;
}

static void write_text(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  close(fd);
}

static char *sign(const char *subject) {
  const struct dev_claims claims = {
      .issuer = "https://dev.cruddur.local",
      .client_id = "cruddur-dev",
      .subject = subject,
      .username = "andrewbrown",
      .issued_s = NOW,
      .expires_s = NOW + 100,
  };
  struct error error = {0};
  char *token = NULL;
  if (!dev_issuer_sign(folder, &claims, &token, &error)) fail_msg("%s", error.message);
  return token;
}

static void the_server_accepts_what_it_signs(void **state) {
  static const struct auth_options OPTIONS = {.issuer = "https://dev.cruddur.local",
                                              .client_ids = {"cruddur-dev", 11}};
  struct error error = {0};
  char document[4096];
  assert_true(dev_issuer_init(folder, &error));
  size_t length = read_text(document_path, document);
  struct jwks *keys = jwks_parse((struct str){document, length}, &error);
  assert_non_null(keys);
  char *token = sign("subject-1");
  struct token_answer answer = token_check(keys, NULL, &OPTIONS, str_from(token), NOW);
  assert_null(answer.reason);
  assert_int_equal(answer.verdict, TOKEN_GOOD);
  assert_str_equal(((struct str){answer.claims.sub, answer.claims.sub_length}), "subject-1");
  assert_int_equal(answer.claims.good_until_s, NOW + 100 + TOKEN_LEEWAY_S);
  free(token);
  jwks_unref(keys);
}

static void the_private_key_is_its_owners_alone(void **state) {
  struct stat status;
  assert_true(dev_issuer_init(folder, NULL));
  assert_int_equal(stat(private_path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
}

static void making_it_again_changes_nothing(void **state) {
  char before[2][4096], after[2][4096];
  assert_true(dev_issuer_init(folder, NULL));
  read_text(private_path, before[0]);
  read_text(document_path, before[1]);
  assert_true(dev_issuer_init(folder, NULL));
  read_text(private_path, after[0]);
  read_text(document_path, after[1]);
  assert_string_equal(before[0], after[0]);
  assert_string_equal(before[1], after[1]);
}

static void a_jwks_that_does_not_fit_is_told_and_replaced(void **state) {
  struct error error = {0};
  assert_true(dev_issuer_init(folder, &error));
  assert_true(dev_issuer_check(folder, &error));
  write_text(document_path, "{\"keys\":[]}");
  assert_false(dev_issuer_check(folder, &error));
  assert_int_equal(error.kind, ERROR_CONFLICT);
  assert_true(dev_issuer_init(folder, &error));
  assert_true(dev_issuer_check(folder, &error));
}

static void a_folder_without_keys_is_told(void **state) {
  struct error error = {0};
  char *token = NULL;
  const struct dev_claims claims = {0};
  assert_false(dev_issuer_check(folder, &error));
  assert_int_equal(error.kind, ERROR_NOT_FOUND);
  assert_false(dev_issuer_sign(folder, &claims, &token, &error));
  assert_int_equal(error.kind, ERROR_NOT_FOUND);
  assert_null(token);
}

static void a_file_that_is_no_key_is_told_and_kept(void **state) {
  static const char *const TEXTS[] = {"", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n"};
  for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
    struct error error = {0};
    write_text(private_path, TEXTS[i]);
    assert_false(dev_issuer_init(folder, &error));
    assert_int_equal(error.kind, ERROR_CONFLICT);
    assert_null(strstr(error.message, "secret"));
  }
}

static void a_folder_that_cannot_be_made_is_told(void **state) {
  struct error error = {0};
  assert_false(dev_issuer_init("/proc/none/here", &error));
  assert_non_null(strstr(error.message, "/proc/none/here"));
}

static void a_handle_has_always_the_same_subject(void **state) {
  char first[UUID_TEXT_LENGTH + 1], again[UUID_TEXT_LENGTH + 1], other[UUID_TEXT_LENGTH + 1];
  struct uuid uuid;
  assert_true(dev_issuer_sub(STR("andrewbrown"), first, NULL));
  assert_true(dev_issuer_sub(STR("andrewbrown"), again, NULL));
  assert_true(dev_issuer_sub(STR("bayko"), other, NULL));
  /* python3 -c "import uuid; print(uuid.uuid5(uuid.NAMESPACE_URL,
   *   'https://dev.cruddur.local/andrewbrown'))" */
  assert_string_equal(first, "9d97def5-358e-5111-b550-80616f91acb6");
  assert_string_equal(first, again);
  assert_string_not_equal(first, other);
  assert_true(uuid_parse(str_from(first), &uuid));
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_A_FOLDER(the_server_accepts_what_it_signs),
      IN_A_FOLDER(the_private_key_is_its_owners_alone),
      IN_A_FOLDER(making_it_again_changes_nothing),
      IN_A_FOLDER(a_jwks_that_does_not_fit_is_told_and_replaced),
      IN_A_FOLDER(a_folder_without_keys_is_told),
      IN_A_FOLDER(a_file_that_is_no_key_is_told_and_kept),
      cmocka_unit_test(a_folder_that_cannot_be_made_is_told),
      cmocka_unit_test(a_handle_has_always_the_same_subject),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
