/* aws_credentials.c: see aws_credentials.h. */
#include "lib/aws/credentials/aws_credentials.h"

#include "lib/aws/secret.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct aws_credentials {
  atomic_uint references;
  int64_t expires_us;
  char *access_key_id;
  char *secret_access_key;
  char *session_token;
  char source[AWS_CREDENTIALS_SOURCE_SIZE];
};

struct aws_credentials *aws_credentials_new(struct str access_key_id, struct str secret_access_key,
                                            struct str session_token, int64_t expires_us,
                                            const char *source) {
  struct aws_credentials *credentials = calloc(1, sizeof(*credentials));
  if (!credentials) return NULL;
  atomic_init(&credentials->references, 1);
  credentials->expires_us = expires_us;
  credentials->access_key_id = secret_copy(access_key_id);
  credentials->secret_access_key = secret_copy(secret_access_key);
  credentials->session_token = secret_copy(session_token);
  snprintf(credentials->source, sizeof(credentials->source), "%s", source);
  if (credentials->access_key_id && credentials->secret_access_key && credentials->session_token)
    return credentials;
  aws_credentials_unref(credentials);
  return NULL;
}

struct aws_credentials *aws_credentials_ref(struct aws_credentials *credentials) {
  unsigned before = atomic_fetch_add_explicit(&credentials->references, 1, memory_order_relaxed);
  assert(before > 0);
  (void)before;
  return credentials;
}

void aws_credentials_unref(struct aws_credentials *credentials) {
  if (!credentials) return;
  unsigned before = atomic_fetch_sub_explicit(&credentials->references, 1, memory_order_acq_rel);
  assert(before > 0);
  if (before > 1) return;
  free(credentials->access_key_id);
  secret_free(credentials->secret_access_key);
  secret_free(credentials->session_token);
  free(credentials);
}

const char *aws_credentials_access_key_id(const struct aws_credentials *credentials) {
  return credentials->access_key_id;
}

const char *aws_credentials_secret_access_key(const struct aws_credentials *credentials) {
  return credentials->secret_access_key;
}

const char *aws_credentials_session_token(const struct aws_credentials *credentials) {
  return credentials->session_token;
}

int64_t aws_credentials_expires_us(const struct aws_credentials *credentials) {
  return credentials->expires_us;
}

const char *aws_credentials_source(const struct aws_credentials *credentials) {
  return credentials->source;
}
