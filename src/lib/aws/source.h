/* source.h: which source of credentials is to be used, as botocore chooses. Blocks on files: it
 * runs on a worker thread. Inside of the room only. */
#pragma once

#include "lib/aws/credentials.h"

enum aws_source_kind {
  AWS_SOURCE_FIXED,        /* environment or profile: `fixed` */
  AWS_SOURCE_WEB_IDENTITY, /* STS is shown `token` */
  AWS_SOURCE_CONTAINER,    /* `url` is asked, and shown `token` where there is one */
  AWS_SOURCE_INSTANCE,     /* the metadata service at `url` */
};

struct aws_source {
  enum aws_source_kind kind;
  struct aws_credentials *fixed;
  char *url; /* without a trailing '/' for AWS_SOURCE_INSTANCE */
  char *token;
  char *role_arn;
  char *session_name;
};

/* Chooses anew, files being read. Fails when a source is set up wrongly (which ends the search, as
 * in the SDKs), or as ERROR_DENIED when there is none. */
bool aws_source_choose(const struct config *config, struct aws_source *ret_source,
                       struct error *error);
void aws_source_free(struct aws_source *source);

/* Makes credentials of copies; `expires_us` is UTC since 1970, 0: never. NULL when memory is out.
 */
struct aws_credentials *aws_credentials_new(struct str access_key_id, struct str secret_access_key,
                                            struct str session_token, int64_t expires_us,
                                            const char *source);
int64_t aws_credentials_expires_us(const struct aws_credentials *credentials);
