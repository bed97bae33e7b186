/* dev_issuer.c: the keys and tokens of a developer's machine. A file is replaced as a whole, so
 * that nobody reads half of it. */
#include "lib/auth/dev_issuer.h"

#include "lib/base/buffer.h"
#include "lib/base/cleanup.h"
#include "lib/base/encoding.h"
#include "lib/base/file.h"

#include <errno.h>
#include <jwt.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_BITS = 2048, FILE_LIMIT = 64 * 1024 };

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
DEFINE_CLEANUP(BIO *, BIO_free_all);
DEFINE_CLEANUP(BIGNUM *, BN_free);
DEFINE_CLEANUP(jwt_t *, jwt_free);

static bool out_of_memory(struct error *error) {
  return error_set(error, ERROR_MEMORY, "out of memory");
}

static const char *path_in(struct buffer *path, const char *folder, const char *name) {
  path->length = 0;
  buffer_append_format(path, "%s/%s", folder, name);
  return buffer_text(path);
}

static bool make_private_key(const char *path, struct error *error) {
  if (access(path, F_OK) == 0) return true;
  _cleanup_(EVP_PKEY_free_p) EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
  _cleanup_(BIO_free_all_p) BIO *memory = BIO_new(BIO_s_secmem());
  char *text = NULL;
  if (!key || !memory || PEM_write_bio_PKCS8PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL) != 1)
    return error_set(error, ERROR_INTERNAL, "OpenSSL cannot make a key pair");
  long length = BIO_get_mem_data(memory, &text);
  return file_create(path, (struct str){text, (size_t)length}, 0600, error);
}

static EVP_PKEY *parse_key(const struct buffer *pem, const char *path, struct error *error) {
  _cleanup_(BIO_free_all_p) BIO *memory = BIO_new_mem_buf(pem->data, (int)pem->length);
  EVP_PKEY *key = memory ? PEM_read_bio_PrivateKey(memory, NULL, NULL, NULL) : NULL;
  if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
    EVP_PKEY_free(key);
    error_set(error, ERROR_CONFLICT,
              "%s is not an RSA key in PEM; remove it, and 'cruddur dev-token --init' makes one",
              path);
    return NULL;
  }
  return key;
}

static bool append_number(EVP_PKEY *key, const char *name, struct buffer *buffer) {
  BIGNUM *read = NULL;
  if (EVP_PKEY_get_bn_param(key, name, &read) != 1) return false;
  _cleanup_(BN_free_p) BIGNUM *number = read;
  unsigned char bytes[FILE_LIMIT / 8];
  if (BN_num_bytes(number) > (int)sizeof(bytes)) return false;
  encoding_base64url_append(buffer, bytes, (size_t)BN_bn2bin(number, bytes));
  return !buffer->failed;
}

/* The members that a thumbprint covers, in its order (RFC 7638, section 3.2). */
static bool append_members(EVP_PKEY *key, struct buffer *buffer) {
  buffer_append_text(buffer, "\"e\":\"");
  if (!append_number(key, OSSL_PKEY_PARAM_RSA_E, buffer)) return false;
  buffer_append_text(buffer, "\",\"kty\":\"RSA\",\"n\":\"");
  if (!append_number(key, OSSL_PKEY_PARAM_RSA_N, buffer)) return false;
  buffer_append_char(buffer, '"');
  return !buffer->failed;
}

static bool append_thumbprint(struct str members, struct buffer *buffer) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  buffer_append_char(&text, '{');
  buffer_append_str(&text, members);
  buffer_append_char(&text, '}');
  if (text.failed || EVP_Digest(text.data, text.length, hash, &length, EVP_sha256(), NULL) != 1)
    return false;
  encoding_base64url_append(buffer, hash, length);
  return !buffer->failed;
}

/* What private.pem says: the key as PEM, its id, and its key set. */
struct dev_key {
  struct buffer path, pem, kid, document;
};

static void dev_key_clear(struct dev_key *key) {
  if (key->pem.data) explicit_bzero(key->pem.data, key->pem.length);
  buffer_free(&key->path);
  buffer_free(&key->pem);
  buffer_free(&key->kid);
  buffer_free(&key->document);
}

static bool dev_key_load(const char *folder, struct dev_key *key, struct error *error) {
  const char *path = path_in(&key->path, folder, "private.pem");
  if (!file_read(path, FILE_LIMIT, &key->pem, error)) return false;
  _cleanup_(EVP_PKEY_free_p) EVP_PKEY *pair = parse_key(&key->pem, path, error);
  if (!pair) return false;
  _cleanup_(buffer_free) struct buffer members = BUFFER_EMPTY;
  if (!append_members(pair, &members) || !append_thumbprint(buffer_str(&members), &key->kid))
    return out_of_memory(error);
  buffer_append_format(&key->document,
                       "{\"keys\":[{\"alg\":\"RS256\",\"use\":\"sig\",\"kid\":\"%s\",",
                       buffer_text(&key->kid));
  buffer_append_str(&key->document, buffer_str(&members));
  buffer_append_text(&key->document, "}]}\n");
  return key->document.failed ? out_of_memory(error) : true;
}

bool dev_issuer_init(const char *folder, struct error *error) {
  _cleanup_(dev_key_clear) struct dev_key key = {0};
  _cleanup_(buffer_free) struct buffer published = BUFFER_EMPTY, path = BUFFER_EMPTY;
  if (mkdir(folder, 0755) != 0 && errno != EEXIST)
    return error_set(error, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_CONFLICT,
                     "cannot create %s: %s", folder, strerror(errno));
  if (!make_private_key(path_in(&path, folder, "private.pem"), error)) return false;
  if (!dev_key_load(folder, &key, error)) return false;
  const char *document_path = path_in(&path, folder, "jwks.json");
  if (file_read(document_path, FILE_LIMIT, &published, NULL) &&
      str_equal(buffer_str(&published), buffer_str(&key.document)))
    return true;
  return file_replace(document_path, buffer_str(&key.document), 0644, error);
}

bool dev_issuer_check(const char *folder, struct error *error) {
  _cleanup_(dev_key_clear) struct dev_key key = {0};
  _cleanup_(buffer_free) struct buffer published = BUFFER_EMPTY, path = BUFFER_EMPTY;
  if (!dev_key_load(folder, &key, error)) return false;
  const char *document_path = path_in(&path, folder, "jwks.json");
  if (!file_read(document_path, FILE_LIMIT, &published, error)) return false;
  if (str_equal(buffer_str(&published), buffer_str(&key.document))) return true;
  return error_set(error, ERROR_CONFLICT, "%s is not the key set of the private.pem beside it",
                   document_path);
}

static bool add_claims(jwt_t *jwt, const struct dev_claims *claims) {
  return jwt_add_grant(jwt, "iss", claims->issuer) == 0 &&
         jwt_add_grant(jwt, "client_id", claims->client_id) == 0 &&
         jwt_add_grant(jwt, "token_use", "access") == 0 &&
         jwt_add_grant(jwt, "sub", claims->subject) == 0 &&
         jwt_add_grant(jwt, "username", claims->username) == 0 &&
         jwt_add_grant_int(jwt, "iat", (long)claims->issued_s) == 0 &&
         jwt_add_grant_int(jwt, "exp", (long)claims->expires_s) == 0;
}

bool dev_issuer_sign(const char *folder, const struct dev_claims *claims, char **ret_token,
                     struct error *error) {
  _cleanup_(dev_key_clear) struct dev_key key = {0};
  if (!dev_key_load(folder, &key, error)) return false;
  jwt_t *made = NULL;
  if (jwt_new(&made) != 0) return out_of_memory(error);
  _cleanup_(jwt_free_p) jwt_t *jwt = made;
  char *token = NULL;
  if (jwt_set_alg(jwt, JWT_ALG_RS256, (const unsigned char *)buffer_text(&key.pem),
                  (int)key.pem.length) == 0 &&
      jwt_add_header(jwt, "kid", buffer_text(&key.kid)) == 0 && add_claims(jwt, claims))
    token = jwt_encode_str(jwt);
  if (!token) return error_set(error, ERROR_INTERNAL, "libjwt cannot sign the token");
  *ret_token = token; /* libjwt uses malloc() as long as jwt_set_alloc() is not called */
  return true;
}

/* RFC 9562, section 5.5; the name space is the one for URLs. */
bool dev_issuer_sub(struct str handle, char ret_text[UUID_TEXT_LENGTH + 1], struct error *error) {
  static const unsigned char NAME_SPACE[UUID_SIZE] = {0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad,
                                                      0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0,
                                                      0x4f, 0xd4, 0x30, 0xc8};
  _cleanup_(buffer_free) struct buffer name = BUFFER_EMPTY;
  buffer_append(&name, NAME_SPACE, sizeof(NAME_SPACE));
  buffer_append_text(&name, "https://dev.cruddur.local/");
  buffer_append_str(&name, handle);
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (name.failed) return out_of_memory(error);
  if (EVP_Digest(name.data, name.length, hash, &length, EVP_sha1(), NULL) != 1)
    return error_set(error, ERROR_INTERNAL, "OpenSSL has no SHA-1");
  hash[6] = (unsigned char)((hash[6] & 0x0F) | 0x50);
  hash[8] = (unsigned char)((hash[8] & 0x3F) | 0x80);
  uuid_format(hash, ret_text);
  ret_text[UUID_TEXT_LENGTH] = '\0';
  return true;
}
