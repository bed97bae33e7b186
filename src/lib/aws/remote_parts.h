/* remote_parts.h: what the kinds of aws_remote_fetch() share: one to three requests in a row, whose
 * answers are bounded and distrusted. Inside of the room only. */
#pragma once

#include "lib/aws/remote.h"

struct remote {
  struct loop *loop;
  struct fetcher *fetcher;
  aws_remote_done done;
  void *argument;
  struct aws_source source;
  unsigned roles_done;
  struct aws_credentials *keys; /* that the next role is assumed with */
  struct buffer token;          /* of the session with the instance metadata service */
};

/* Starts one request, with a bound on its answer; false when it cannot. */
bool remote_send(struct remote *remote, struct fetch_request *request, fetch_done done);

/* Ends it: each calls `done` and frees the remote, but that good credentials may be those that a
 * role is assumed with. */
void remote_fail(struct remote *remote, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Ends it when the answer is none, or not 200; false then. 4xx means that asking again is no use.
 */
bool remote_accept(struct remote *remote, const struct fetch_response *response, const char *who);

/* What was handed out; `expiry` is text, or `expires_us` is it where that is not 0. */
struct handed_out {
  struct str id, secret, token, expiry;
  int64_t expires_us;
};

/* Ends it well, or as UNAVAILABLE with `complaint` when `keys` are not whole. Credentials are taken
 * to be good until `earliest_us` at least. */
void remote_finish(struct remote *remote, const struct handed_out *keys, int64_t earliest_us,
                   const char *source, const char *complaint);

/* remote_sts.c: what STS answers to those who have a token, or the keys of `remote`. */
bool remote_start_web_identity(struct remote *remote);
bool remote_start_role(struct remote *remote);

/* remote_sso.c: renews the token where it is to be renewed, and asks the portal. */
bool remote_start_sso(struct remote *remote);
