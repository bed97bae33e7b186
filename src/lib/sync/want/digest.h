/* digest.h: checksums as S3 writes them: MD5 in hexadecimal and base64. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"

#include <stdint.h>

enum {
  DIGEST_MD5_SIZE = 33,        /* 32 hexadecimal digits and a NUL */
  DIGEST_MD5_BASE64_SIZE = 25, /* 24 characters and a NUL */
  DIGEST_SHORT_SIZE = 17,      /* 16 hexadecimal digits and a NUL */
  DIGEST_SHA256_SIZE = 65,     /* 64 hexadecimal digits and a NUL */
  DIGEST_HEAD_LENGTH = 16384,  /* bytes of a file's start that digest_file() hands out */
};

/* The MD5 of `bytes`, lower-case hexadecimal. */
void digest_md5(struct str bytes, char ret_hex[DIGEST_MD5_SIZE]);

/* Turns what digest_md5() made into the base64 of the header Content-MD5. */
void digest_md5_base64(const char hex[DIGEST_MD5_SIZE], char ret_base64[DIGEST_MD5_BASE64_SIZE]);

/* The SHA-256 of `bytes`, lower-case hexadecimal; the short form is its first 16 digits. */
void digest_sha256(struct str bytes, char ret_hex[DIGEST_SHA256_SIZE]);
void digest_short(struct str bytes, char ret_hex[DIGEST_SHORT_SIZE]);

/* Reads the file at `path` once: its MD5, its length, and its first bytes (at most
 * DIGEST_HEAD_LENGTH) into `head`, which may be NULL. */
bool digest_file(const char *path, char ret_hex[DIGEST_MD5_SIZE], uint64_t *ret_size,
                 struct buffer *head, struct error *error);
