/* sigv4.h: AWS Signature Version 4: pure functions over OpenSSL's HMAC, without I/O and clock.
 *
 * Source: AWS General Reference, "Signing AWS API requests"; golden vectors from botocore
 * (tests/vectors/sigv4.json). S3 is signed with its path as it is, encoded once, and with the
 * header x-amz-content-sha256; every other service with its path normalised and encoded twice. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"
#include "lib/base/str.h"

#include <stdint.h>

struct sigv4_parameter {
  struct str name, value; /* as they are, not percent-encoded */
};

struct sigv4_header {
  struct str name, value; /* as they are sent */
};

struct sigv4_keys {
  struct str access_key_id, secret_access_key;
  struct str session_token; /* empty: none */
};

struct sigv4_request {
  const char *method; /* upper case */
  struct str host;    /* with the port where it is not the scheme's own */
  struct str path;    /* as it is, not percent-encoded; begins with '/'; empty means "/" */
  const struct sigv4_parameter *query;
  size_t query_count;
  /* Sent besides host and what sigv4_signature says: all are signed. */
  const struct sigv4_header *headers;
  size_t header_count;
  struct str body;
  const char *service; /* the name of the credential scope: "dynamodb", "s3", … */
  const char *region;
  int64_t unix_s; /* when it is signed, seconds of UTC since 1970 */
};

enum {
  SIGV4_DATE_SIZE = 17, /* 20230520T234459Z and a NUL */
  SIGV4_HASH_SIZE = 65, /* SHA-256 in hexadecimal and a NUL */
  SIGV4_PARAMETERS_LIMIT = 64,
  SIGV4_HEADERS_LIMIT = 64,
};

/* What goes out with the request besides its own headers. */
struct sigv4_signature {
  char date[SIGV4_DATE_SIZE];           /* the header x-amz-date */
  char content_sha256[SIGV4_HASH_SIZE]; /* the header x-amz-content-sha256; sent to S3 alone */
  struct buffer authorization;          /* the header authorization */
  struct buffer target;                 /* path and query as they are sent, percent-encoded */
  struct buffer canonical_request; /* what was hashed; for the tests; holds the session token */
};

/* Signs `request`, which is sent with the header x-amz-security-token where there is a token. Fails
 * when memory is out, or as ERROR_INVALID for more than the limits above. */
bool sigv4_sign(const struct sigv4_request *request, const struct sigv4_keys *keys,
                struct sigv4_signature *ret_signature, struct error *error);

/* Empties a signature. */
void sigv4_signature_free(struct sigv4_signature *signature);
