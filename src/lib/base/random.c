/* random.c: random bytes and jitter. Each thread keeps a pool of its own, so there are no locks; a
 * process that forks must not ask for bytes in the child, which would get its parent's. */
#include "lib/base/random.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { RANDOM_POOL_SIZE = 256 }; /* getrandom(2) never returns fewer bytes than asked up to 256 */

static _Thread_local unsigned char pool[RANDOM_POOL_SIZE];
static _Thread_local size_t pool_left;

static void take(unsigned char *bytes, size_t length) {
  assert(length <= RANDOM_POOL_SIZE && pool_left <= RANDOM_POOL_SIZE);
  if (pool_left < length) {
    if (getrandom(pool, sizeof(pool), 0) != (ssize_t)sizeof(pool)) abort();
    pool_left = sizeof(pool);
  }
  pool_left -= length;
  memcpy(bytes, pool + pool_left, length);
  memset(pool + pool_left, 0, length); /* a byte handed out is not kept */
}

void random_bytes(void *bytes, size_t length) {
  unsigned char *output = bytes;
  while (length > 0) {
    size_t part = length < RANDOM_POOL_SIZE ? length : RANDOM_POOL_SIZE;
    take(output, part);
    output += part;
    length -= part;
  }
}

uint64_t random_backoff_ms(unsigned attempt, uint64_t base_ms, uint64_t cap_ms) {
  uint64_t ceiling = base_ms;
  for (unsigned i = 0; i < attempt && ceiling > 0 && ceiling < cap_ms; i++)
    ceiling = ceiling > cap_ms / 2 ? cap_ms : ceiling * 2;
  if (ceiling > cap_ms) ceiling = cap_ms;
  uint64_t number;
  random_bytes(&number, sizeof(number));
  return ceiling == UINT64_MAX ? number : number % (ceiling + 1);
}
