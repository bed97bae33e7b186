/* fuzz_cognito.c: the pages of Cognito's ListUsers, and CloudFront's answer to an invalidation. */
#include "answers.h"

#include "lib/aws/cloudfront.h"
#include "lib/aws/cognito.h"
#include "lib/base/utf8.h"

static bool on_user(const struct cognito_user *user, void *argument) {
  (void)argument;
  const struct str texts[] = {user->username, user->sub,  user->preferred_username,
                              user->email,    user->name, user->status};
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    assert(texts[i].length == 0 || utf8_valid(texts[i]));
  return true;
}

static void on_done(const struct error *error, void *argument) {
  ++*(unsigned *)argument;
  assert(!error || error->kind != ERROR_NONE);
}

static void on_invalidated(const struct cloudfront_answer *answer, void *argument) {
  ++*(unsigned *)argument;
  assert(answer->error || (answer->id[0] && memchr(answer->id, '\0', sizeof(answer->id))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str text = fuzz_text(data, size);
  unsigned listed = 0, asked = 0;
  answers_begin(text);
  assert(cognito_list_users(
      NULL, &(struct cognito_listing){
                .user_pool_id = "pool", .user = on_user, .done = on_done, .argument = &listed}));
  answers_run();
  answers_begin(text);
  assert(cloudfront_get(NULL, "DISTRIBUTION", "ID", 1000, on_invalidated, &asked));
  answers_run();
  assert(listed == 1 && asked == 1);
  return 0;
}
