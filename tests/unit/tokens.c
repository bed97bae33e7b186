/* tokens.c: see tokens.h. */
#include "tokens.h"

#include "lib/base/encoding.h"

#include <assert.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

struct signer {
  EVP_PKEY *pair;
  const char *kid;
};

struct signer *signer_new(unsigned bits, const char *kid) {
  struct signer *signer = calloc(1, sizeof(*signer));
  assert(signer);
  signer->pair = EVP_RSA_gen(bits);
  signer->kid = kid;
  assert(signer->pair);
  return signer;
}

struct signer *signer_free(struct signer *signer) {
  EVP_PKEY_free(signer->pair);
  free(signer);
  return NULL;
}

bool signer_has_key(const struct signer *signer, const EVP_PKEY *key) {
  return EVP_PKEY_eq(signer->pair, key) == 1;
}

void signer_append_pem(const struct signer *signer, struct buffer *buffer) {
  BIO *memory = BIO_new(BIO_s_mem());
  char *data = NULL;
  PEM_write_bio_PUBKEY(memory, signer->pair);
  long length = BIO_get_mem_data(memory, &data);
  buffer_append(buffer, data, (size_t)length);
  BIO_free_all(memory);
}

static void append_number(const struct signer *signer, const char *name, struct buffer *buffer) {
  BIGNUM *number = NULL;
  unsigned char bytes[2048];
  EVP_PKEY_get_bn_param(signer->pair, name, &number);
  assert(number);
  int length = BN_bn2bin(number, bytes);
  encoding_base64url_append(buffer, bytes, (size_t)length);
  BN_free(number);
}

void signer_append_key(const struct signer *signer, const char *extra, struct buffer *buffer) {
  buffer_append_format(buffer, "{%s\"kty\":\"RSA\",\"kid\":\"%s\",\"n\":\"", extra, signer->kid);
  append_number(signer, OSSL_PKEY_PARAM_RSA_N, buffer);
  buffer_append_text(buffer, "\",\"e\":\"");
  append_number(signer, OSSL_PKEY_PARAM_RSA_E, buffer);
  buffer_append_text(buffer, "\"}");
}

char *signers_document(const struct signer *first, const struct signer *second) {
  static const char *const USUAL = "\"alg\":\"RS256\",\"use\":\"sig\",";
  struct buffer document = BUFFER_EMPTY;
  buffer_append_text(&document, "{\"keys\":[");
  signer_append_key(first, USUAL, &document);
  if (second) {
    buffer_append_char(&document, ',');
    signer_append_key(second, USUAL, &document);
  }
  buffer_append_text(&document, "]}");
  return buffer_take(&document);
}

char *signer_sign(const struct signer *signer, const char *digest, const char *header,
                  const char *payload) {
  struct buffer token = BUFFER_EMPTY;
  encoding_base64url_append(&token, header, strlen(header));
  buffer_append_char(&token, '.');
  encoding_base64url_append(&token, payload, strlen(payload));
  unsigned char signature[2048];
  size_t length = sizeof(signature);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  int started = EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, signer->pair, NULL);
  int done =
      EVP_DigestSign(context, signature, &length, (const unsigned char *)token.data, token.length);
  assert(started == 1 && done == 1);
  (void)started;
  (void)done;
  EVP_MD_CTX_free(context);
  buffer_append_char(&token, '.');
  encoding_base64url_append(&token, signature, length);
  return buffer_take(&token);
}

char *signer_header(const struct signer *signer) {
  struct buffer header = BUFFER_EMPTY;
  buffer_append_format(&header, "{\"kid\":\"%s\",\"alg\":\"RS256\"}", signer->kid);
  return buffer_take(&header);
}

char *signer_access_token(const struct signer *signer, const char *subject, long long expires_s) {
  struct buffer payload = BUFFER_EMPTY;
  buffer_append_format(&payload,
                       "{\"sub\":\"%s\",\"iss\":\"https://pool.example\",\"token_use\":\"access\","
                       "\"client_id\":\"client-1\",\"exp\":%lld}",
                       subject, expires_s);
  char *header = signer_header(signer);
  char *token = signer_sign(signer, "SHA256", header, buffer_text(&payload));
  free(header);
  buffer_free(&payload);
  return token;
}
