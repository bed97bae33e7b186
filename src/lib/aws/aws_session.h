/* aws_session.h: AWS for commands: a loop, a provider and a client of their own, and calls that
 * wait for their answer. */
#pragma once

#include "lib/aws/aws_client.h"

#include <jansson.h>

enum { AWS_CODE_SIZE = 80 };

/* Zeroed: not open. */
struct aws_session {
  struct loop *loop;
  struct aws_provider *provider;
  struct aws_client *client;
};

/* What an answer said, kept after its call. */
struct aws_answer {
  int status;               /* 0: there was none */
  char code[AWS_CODE_SIZE]; /* the service's error code; "": none */
  unsigned tries;           /* requests sent */
  json_t *output;           /* of a JSON service: the caller's; NULL after a failure */
  struct buffer body;       /* where there is no output; the caller's, after a failure too */
};

/* Opens the three. `config` was loaded with CONFIG_AWS and must outlive the session. After a
 * failure the session is closed. */
bool aws_session_open(struct aws_session *session, const struct config *config,
                      struct error *error);

/* Ends what is under way and frees all. Takes a session that is not open. */
void aws_session_close(struct aws_session *session);

/* Makes a call and drives the loop until it has ended. `*ret_answer` is filled in each case.
 * Errors: those of aws_client_call(). */
bool aws_session_call(const struct aws_session *session, const struct aws_request *request,
                      struct aws_answer *ret_answer, struct error *error);

/* The same for a JSON service: the request's body is `input`, which it takes (NULL counts as memory
 * being out). Returns the output, an object and the caller's, or NULL. */
json_t *aws_session_json(const struct aws_session *session, const struct aws_request *request,
                         json_t *input, struct error *error);
