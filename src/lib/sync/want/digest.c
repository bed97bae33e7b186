/* digest.c: checksums as S3 writes them. */
#include "lib/sync/want/digest.h"

#include "lib/base/cleanup.h"
#include "lib/base/encoding.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { READ_SIZE = 256 * 1024, MD5_LENGTH = 16, SHA256_LENGTH = 32 };

_Static_assert(DIGEST_MD5_SIZE == 2 * MD5_LENGTH + 1, "two digits a byte and a NUL");
_Static_assert(DIGEST_SHA256_SIZE == 2 * SHA256_LENGTH + 1, "two digits a byte and a NUL");
_Static_assert(DIGEST_MD5_BASE64_SIZE == (MD5_LENGTH + 2) / 3 * 4 + 1, "four digits for three");
_Static_assert(DIGEST_SHORT_SIZE < DIGEST_SHA256_SIZE, "the short form is cut from the long one");

static void free_context(EVP_MD_CTX **context) {
  EVP_MD_CTX_free(*context);
}

static void write_hex(const unsigned char *bytes, size_t length, char *ret_hex) {
  static const char DIGITS[] = "0123456789abcdef";
  for (size_t i = 0; i < length; i++) {
    ret_hex[2 * i] = DIGITS[bytes[i] >> 4];
    ret_hex[2 * i + 1] = DIGITS[bytes[i] & 15];
  }
  ret_hex[2 * length] = '\0';
}

void digest_md5(struct str bytes, char ret_hex[DIGEST_MD5_SIZE]) {
  unsigned char md5[EVP_MAX_MD_SIZE] = {0};
  EVP_Digest(bytes.data, bytes.length, md5, NULL, EVP_md5(), NULL);
  write_hex(md5, MD5_LENGTH, ret_hex);
}

void digest_sha256(struct str bytes, char ret_hex[DIGEST_SHA256_SIZE]) {
  unsigned char sha[EVP_MAX_MD_SIZE] = {0};
  EVP_Digest(bytes.data, bytes.length, sha, NULL, EVP_sha256(), NULL);
  write_hex(sha, SHA256_LENGTH, ret_hex);
}

void digest_short(struct str bytes, char ret_hex[DIGEST_SHORT_SIZE]) {
  char hex[DIGEST_SHA256_SIZE];
  digest_sha256(bytes, hex);
  memcpy(ret_hex, hex, DIGEST_SHORT_SIZE - 1);
  ret_hex[DIGEST_SHORT_SIZE - 1] = '\0';
}

static bool parse_md5(const char *hex, unsigned char md5[MD5_LENGTH]) {
  for (size_t i = 0; i < MD5_LENGTH; i++) {
    int high = encoding_hex_value(hex[2 * i]);
    int low = high >= 0 ? encoding_hex_value(hex[2 * i + 1]) : -1;
    if (low < 0) return false;
    md5[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}

void digest_md5_base64(const char hex[DIGEST_MD5_SIZE], char ret_base64[DIGEST_MD5_BASE64_SIZE]) {
  unsigned char md5[MD5_LENGTH] = {0};
  bool parsed = parse_md5(hex, md5);
  assert(parsed);
  EVP_EncodeBlock((unsigned char *)ret_base64, md5, MD5_LENGTH);
}

static bool read_failed(const char *path, struct error *error) {
  return error_set(error, ERROR_REFUSED, "%s cannot be read: %s", path, strerror(errno));
}

bool digest_file(const char *path, char ret_hex[DIGEST_MD5_SIZE], uint64_t *ret_size,
                 struct buffer *head, struct error *error) {
  _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return read_failed(path, error);
  _cleanup_(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
  _cleanup_free_ char *chunk = malloc(READ_SIZE);
  if (!context || !chunk || !EVP_DigestInit_ex(context, EVP_md5(), NULL))
    return error_set(error, ERROR_MEMORY, "out of memory");
  uint64_t size = 0;
  ssize_t length;
  while ((length = read(fd, chunk, READ_SIZE)) > 0) {
    if (size == 0 && head)
      buffer_append(head, chunk,
                    length > DIGEST_HEAD_LENGTH ? (size_t)DIGEST_HEAD_LENGTH : (size_t)length);
    EVP_DigestUpdate(context, chunk, (size_t)length);
    size += (uint64_t)length;
  }
  if (length < 0) return read_failed(path, error);
  unsigned char md5[EVP_MAX_MD_SIZE];
  EVP_DigestFinal_ex(context, md5, NULL);
  write_hex(md5, MD5_LENGTH, ret_hex);
  *ret_size = size;
  return true;
}
