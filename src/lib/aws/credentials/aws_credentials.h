/* aws_credentials.h: the keys that requests to AWS are signed with: immutable and counted, so any
 * thread may hold them. No message and no log line holds a secret of them. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"

struct aws_credentials;

enum { AWS_CREDENTIALS_SOURCE_SIZE = 80 };

/* Makes credentials of copies. `expires_us` is UTC since 1970, 0: never. `source` is where they
 * come from, for people: "environment", "profile default", "container endpoint", … NULL when memory
 * is out. */
struct aws_credentials *aws_credentials_new(struct str access_key_id, struct str secret_access_key,
                                            struct str session_token, int64_t expires_us,
                                            const char *source);

struct aws_credentials *aws_credentials_ref(struct aws_credentials *credentials);
void aws_credentials_unref(struct aws_credentials *credentials); /* takes NULL */

const char *aws_credentials_access_key_id(const struct aws_credentials *credentials);
const char *aws_credentials_secret_access_key(const struct aws_credentials *credentials);
const char *aws_credentials_session_token(const struct aws_credentials *credentials); /* "": none */
int64_t aws_credentials_expires_us(const struct aws_credentials *credentials);
const char *aws_credentials_source(const struct aws_credentials *credentials);
