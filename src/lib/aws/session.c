/* session.c: see session.h. */
#include "lib/aws/session.h"

#include <stdlib.h>

struct aws_session {
  struct loop *loop;
  struct aws_provider *provider;
  struct aws_client *client;
};

bool aws_session_open(const struct config *config, struct aws_session **ret_session,
                      struct error *error) {
  struct aws_session *session = calloc(1, sizeof(*session));
  if (session) session->loop = loop_new(0);
  if (!session || !session->loop) {
    free(session);
    return error_set(error, ERROR_MEMORY, "out of memory");
  }
  session->provider = aws_provider_new(session->loop, config, error);
  if (session->provider)
    session->client = aws_client_new(session->loop, session->provider, config, error);
  if (!session->client) {
    aws_session_close(session);
    return false;
  }
  *ret_session = session;
  return true;
}

struct aws_client *aws_session_client(struct aws_session *session) {
  return session->client;
}

struct loop *aws_session_loop(struct aws_session *session) {
  return session->loop;
}

void aws_session_wait(struct aws_session *session, const bool *done) {
  loop_run_until(session->loop, done);
}

void aws_session_close(struct aws_session *session) {
  aws_client_close(session->client);
  aws_provider_close(session->provider);
  loop_close_inbox(session->loop);
  loop_run(session->loop);
  loop_free(session->loop);
  free(session);
}
