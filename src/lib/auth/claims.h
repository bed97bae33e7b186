/* claims.h: what a good token says. Inside of the room only. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { TOKEN_SUB_LIMIT = 255 /* bytes of `sub` */ };

struct token_claims {
  char sub[TOKEN_SUB_LIMIT]; /* who the user is */
  size_t sub_length;
  int64_t good_until_s; /* Unix time from which on the token is refused: `exp` and the leeway */
};
