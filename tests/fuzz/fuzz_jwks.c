/* fuzz_jwks.c: the pool's key set as it comes from the network. */
#include "fuzz.h"

#include "lib/auth/jwks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct error error = {0};
  struct key_set *set = key_set_parse(fuzz_text(data, size), &error);
  assert((set == NULL) == (error.kind != ERROR_NONE));
  if (!set) return 0;
  assert(size <= JWKS_SIZE_LIMIT);
  assert(key_set_count(set) >= 1 && key_set_count(set) <= JWKS_KEYS_LIMIT);
  assert(!key_set_find(set, STR("")));
  assert(key_set_equal(set, set));
  key_set_unref(set);
  return 0;
}
