/* siphash.h: SipHash-2-4, a hash with a secret: who does not know the secret cannot choose input
 * that falls together. Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012). */
#pragma once

#include "lib/base/str.h"

#include <stdint.h>

enum { SIPHASH_SECRET_SIZE = 16 };

uint64_t siphash(const unsigned char secret[SIPHASH_SECRET_SIZE], struct str input);
