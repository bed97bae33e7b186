/* fuzz_jwks.c: the pool's key set as it comes from the network. */
#include "fuzz.h"

#include "lib/auth/jwks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct error error = {0};
  struct jwks *set = jwks_parse(fuzz_text(data, size), &error);
  assert((set == NULL) == (error.kind != ERROR_NONE));
  if (!set) return 0;
  assert(size <= JWKS_SIZE_LIMIT);
  assert(jwks_count(set) >= 1 && jwks_count(set) <= JWKS_KEYS_LIMIT);
  assert(!jwks_find(set, STR("")));
  assert(jwks_equal(set, set));
  jwks_unref(set);
  return 0;
}
