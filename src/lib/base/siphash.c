/* siphash.c: SipHash-2-4. OpenSSL has it too, but behind an EVP_MAC context for each hash, which
 * costs more than the hash; the functions below are the paper's, step by step. */
#include "lib/base/siphash.h"

#include <endian.h>

struct state {
  uint64_t v[4];
};

static inline uint64_t rotate(uint64_t word, unsigned bits) {
  return word << bits | word >> (64 - bits);
}

/* The paper's SipRound. */
static inline void mix(uint64_t v[4]) {
  v[0] += v[1], v[2] += v[3];
  v[1] = rotate(v[1], 13) ^ v[0];
  v[3] = rotate(v[3], 16) ^ v[2];
  v[0] = rotate(v[0], 32);
  v[2] += v[1], v[0] += v[3];
  v[1] = rotate(v[1], 17) ^ v[2];
  v[3] = rotate(v[3], 21) ^ v[0];
  v[2] = rotate(v[2], 32);
}

static inline void take(struct state *state, uint64_t word) {
  state->v[3] ^= word;
  mix(state->v);
  mix(state->v);
  state->v[0] ^= word;
}

static inline uint64_t read_whole_word(const unsigned char *bytes) {
  uint64_t word;
  memcpy(&word, bytes, sizeof(word));
  return le64toh(word);
}

/* Up to eight bytes, the first one lowest. */
static uint64_t read_word(const unsigned char *bytes, size_t length) {
  uint64_t word = 0;
  for (size_t i = 0; i < length; i++)
    word |= (uint64_t)bytes[i] << (8 * i);
  return word;
}

uint64_t siphash(const unsigned char secret[SIPHASH_SECRET_SIZE], struct str input) {
  uint64_t k0 = read_whole_word(secret), k1 = read_whole_word(secret + 8);
  struct state state = {{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                         k1 ^ 0x7465646279746573}};
  const unsigned char *bytes = (const unsigned char *)input.data;
  size_t whole = input.length - input.length % 8;
  for (size_t i = 0; i < whole; i += 8)
    take(&state, read_whole_word(bytes + i));
  uint64_t rest = whole < input.length ? read_word(bytes + whole, input.length - whole) : 0;
  take(&state, rest | (uint64_t)(input.length & 0xff) << 56);
  state.v[2] ^= 0xff;
  for (int i = 0; i < 4; i++)
    mix(state.v);
  return state.v[0] ^ state.v[1] ^ state.v[2] ^ state.v[3];
}
