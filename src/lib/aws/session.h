/* session.h: AWS for commands: a loop of their own, run until what they started has ended. */
#pragma once

#include "lib/aws/client.h"
#include "lib/base/cleanup.h"

struct aws_session;

/* Makes a loop, a provider and a client. `config` was loaded with CONFIG_AWS and must outlive it.
 */
bool aws_session_open(const struct config *config, struct aws_session **ret_session,
                      struct error *error);

/* What calls are started with. */
struct aws_client *aws_session_client(struct aws_session *session);
struct loop *aws_session_loop(struct aws_session *session);

/* Runs the loop until `*done`, which a callback sets. */
void aws_session_wait(struct aws_session *session, const bool *done);

/* Ends what is under way and frees all. */
void aws_session_close(struct aws_session *session);
DEFINE_CLEANUP(struct aws_session *, aws_session_close);
