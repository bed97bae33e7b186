/* fuzz_cognito.c: the pages of Cognito's ListUsers, and CloudFront's answer to an invalidation. */
#include "answers.h"

#include "lib/aws/services/cloudfront.h"
#include "lib/aws/services/cognito.h"
#include "lib/base/utf8.h"

bool __wrap_aws_session_open(struct aws_session *session, const struct config *config,
                             struct error *error);
void __wrap_aws_session_close(struct aws_session *session);

bool __wrap_aws_session_open(struct aws_session *session, const struct config *config,
                             struct error *error) {
  (void)config, (void)error;
  *session = *answers_session();
  return true;
}

void __wrap_aws_session_close(struct aws_session *session) {
  (void)session;
}

static void check_users(const struct cognito_users *list) {
  for (size_t i = 0; i < list->count; i++) {
    const struct cognito_user *user = &list->users[i];
    const char *const texts[] = {user->handle, user->sub, user->email, user->name, user->status};
    for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++)
      assert(texts[j] && utf8_valid(str_from(texts[j])));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct config CONFIG = {.cognito_user_pool_id = "pool"};
  struct str text = fuzz_text(data, size);
  struct cognito_users list = {0};
  struct cloudfront_answer answer;
  struct error error = {0};
  answers_begin(text);
  if (cognito_load_users(&CONFIG, &list, &error))
    check_users(&list);
  else
    assert(error.kind != ERROR_NONE);
  cognito_free_users(&list);
  answers_begin(text);
  if (cloudfront_get(answers_session(), "DISTRIBUTION", "ID", 1000, &answer, &error))
    assert(answer.id[0] && memchr(answer.id, '\0', sizeof(answer.id)));
  return 0;
}
