/* fuzz_token.c: the Authorization header and the token in it. What begins with '{' is header and
 * payload as JSON, a line each, which the target encodes: behind base64url no mutation gets far. No
 * input is good, for none has a signature of the key, a public one whose private half is lost. */
#include "fuzz.h"

#include "lib/auth/token.h"
#include "lib/base/encoding.h"

static const int64_t NOW_S = 1700000000;

static const struct auth_options OPTIONS = {
    .jwks_url = "https://pool.example/jwks.json",
    .issuer = "https://pool.example",
    .client_ids = {"client-1, client-2,,", 20},
};

static const char DOCUMENT[] =
    "{\"keys\":[{\"kty\":\"RSA\",\"alg\":\"RS256\",\"use\":\"sig\",\"kid\":\"known\",\"e\":"
    "\"AQAB\",\"n\":\""
    "vMJu0dWRWcDg6WS3Ms-XOcKSrksj-zbJHXXEKadiT1ABDoSBnbnDvHiEksieE2QzoANTjCD5H--VX02V"
    "G1XjM_OaW4eZw88XmI-pfxjckxKhcNYith2q08EwKDWtFttn7xnxpVuveOQgV10NVKqjlkm2842vT6IB"
    "xfnAmjN41Kho2hz-aE0Agx87d9Hz8PUlyVeRrGbBfqPnSI7K87a8McevSMXLhV25aU92ohxcdEFD5ZjR"
    "AqL49tg5xf9ll1xJL38hMS_TUwfsuvq5ZW57dAHXiX5_6hDVq37pyuNXdbGIVjcqh4NBZT4cfSn_GckD"
    "o-xr8X6YFb5HboR4F4pg4Q"
    "\"}]}";

static void check(struct str token, const struct jwks *keys) {
  struct token_answer answer = token_check(keys, NULL, &OPTIONS, token, NOW_S);
  assert(answer.verdict == TOKEN_BAD || answer.verdict == TOKEN_WAIT);
  assert(answer.reason && answer.claims.sub_length == 0);
}

static void check_encoded(struct str text, const struct jwks *keys) {
  struct buffer token = BUFFER_EMPTY;
  struct str header = fuzz_cut(&text, '\n'), payload = fuzz_cut(&text, '\n');
  encoding_base64url_append(&token, header.data, header.length);
  buffer_append_char(&token, '.');
  encoding_base64url_append(&token, payload.data, payload.length);
  buffer_append_text(&token, ".");
  encoding_base64url_append(&token, text.length > 0 ? text.data : "-",
                            text.length > 0 ? text.length : 1);
  check(buffer_str(&token), NULL);
  check(buffer_str(&token), keys);
  buffer_free(&token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct jwks *keys;
  struct error error;
  struct str text = fuzz_text(data, size), token;
  if (!keys) keys = jwks_parse(str_from(DOCUMENT), &error);
  assert(keys);
  check(text, NULL);
  check(text, keys);
  if (size > 0 && data[0] == '{') check_encoded(text, keys);
  if (token_from_header(text, &token)) {
    assert(token.length > 0 && fuzz_inside(text, token));
    assert(!memchr(token.data, ' ', token.length));
    check(token, keys);
  }
  return 0;
}
