/* source.h: which source of credentials is to be used, as botocore chooses. Blocks on files and
 * programs: it runs on a worker thread. Inside of the room only. */
#pragma once

#include "lib/aws/credentials.h"
#include "lib/aws/endpoint.h"

enum { AWS_ROLES_LIMIT = 8 }; /* in a row, each assumed with the keys of the one before */

enum aws_source_kind {
  AWS_SOURCE_FIXED,        /* environment, profile or a program: `fixed` */
  AWS_SOURCE_WEB_IDENTITY, /* STS is shown `token` */
  AWS_SOURCE_SSO,          /* `url` is shown `token`, which `sso` may renew before */
  AWS_SOURCE_CONTAINER,    /* `url` is asked, and shown `token` where there is one */
  AWS_SOURCE_INSTANCE,     /* the metadata service at `url` */
};

/* A role that is assumed with other keys (AssumeRole). */
struct aws_role {
  char *arn;
  char *session_name;  /* NULL: one is made up */
  char *external_id;   /* NULL: none */
  char *profile;       /* that says so */
  unsigned duration_s; /* 0: as STS has it */
};

/* Where STS is. */
struct aws_sts {
  struct endpoint endpoint;
  char *region; /* of the signatures */
};

/* The token of a person who has logged in. */
struct aws_sso {
  char *profile;
  int64_t expires_us;
  char *renewal_url; /* NULL: the token cannot be renewed, or need not be */
  char *renewal;     /* the body that is sent there; holds secrets */
  char *cache_path;  /* where the renewed token is kept, … */
  char *cached;      /* … instead of this; holds secrets */
};

struct aws_source {
  enum aws_source_kind kind;
  struct aws_credentials *fixed;
  char *url; /* without a trailing '/' for AWS_SOURCE_INSTANCE */
  char *token;
  char *role_arn;     /* of AWS_SOURCE_WEB_IDENTITY */
  char *session_name; /* likewise */
  struct aws_sso sso;
  struct aws_sts sts;                     /* for web identity, and where there are roles */
  struct aws_role roles[AWS_ROLES_LIMIT]; /* to be assumed afterwards, the first one first */
  unsigned role_count;
};

/* Chooses anew, files being read and a program being run, which ends early when `cancel_fd` (-1:
 * none) becomes readable. Fails when a source is set up wrongly (which ends the search, as in the
 * SDKs), or as ERROR_DENIED when there is none. */
bool aws_source_choose(const struct config *config, int cancel_fd, struct aws_source *ret_source,
                       struct error *error);
void aws_source_free(struct aws_source *source);

/* Makes credentials of copies; `expires_us` is UTC since 1970, 0: never. NULL when memory is out.
 */
struct aws_credentials *aws_credentials_new(struct str access_key_id, struct str secret_access_key,
                                            struct str session_token, int64_t expires_us,
                                            const char *source);
int64_t aws_credentials_expires_us(const struct aws_credentials *credentials);
