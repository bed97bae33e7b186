/* fuzz_confirmation.c: Cognito's post-confirmation event, up to the point where Postgres would be
 * asked. The linker puts functions of ours in the place of those of the session (--wrap). */
#include "fuzz.h"

#include "lib/base/utf8.h"
#include "lib/users/confirmation.h"

bool __wrap_pg_session_open(const struct pg_session_options *options,
                            struct pg_session **ret_session, struct error *error);
void __wrap_pg_session_close(struct pg_session *session);
void __wrap_pg_session_set_limit_ms(struct pg_session *session, unsigned limit_ms);
bool __wrap_pg_session_exec(struct pg_session *session, const char *sql, struct error *error);
bool __wrap_pg_session_query(struct pg_session *session, const char *sql, size_t count,
                             const char *const *parameters, struct pg_rows **ret_rows,
                             struct error *error);

bool __wrap_pg_session_open(const struct pg_session_options *options,
                            struct pg_session **ret_session, struct error *error) {
  (void)options, (void)error;
  static int session;
  *ret_session = (struct pg_session *)(void *)&session;
  return true;
}

void __wrap_pg_session_close(struct pg_session *session) {
  (void)session;
}

void __wrap_pg_session_set_limit_ms(struct pg_session *session, unsigned limit_ms) {
  (void)session;
  assert(limit_ms > 0);
}

bool __wrap_pg_session_exec(struct pg_session *session, const char *sql, struct error *error) {
  (void)session, (void)sql, (void)error;
  return true;
}

bool __wrap_pg_session_query(struct pg_session *session, const char *sql, size_t count,
                             const char *const *parameters, struct pg_rows **ret_rows,
                             struct error *error) {
  (void)session, (void)sql, (void)ret_rows;
  for (size_t i = 0; i < count; i++) {
    assert(parameters[i] && utf8_valid(str_from(parameters[i])));
    assert(!utf8_is_blank(str_from(parameters[i])));
  }
  return error_set(error, ERROR_UNAVAILABLE, "down");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct confirmer confirmer = {.connection_url = "postgresql://"};
  enum confirmation_outcome outcome;
  struct error error = {0};
  assert(!confirmation_record(&confirmer, fuzz_text(data, size), 1000, &outcome, &error));
  assert(error.kind == ERROR_INVALID || error.kind == ERROR_UNAVAILABLE);
  confirmation_close(&confirmer);
  return 0;
}
