/* token.h: the rules of the contract's section "Tokens", as a function of a token, a key set and a
 * time. Inside of the room only. */
#pragma once

#include "lib/auth/auth.h"
#include "lib/auth/jwks.h"

enum {
  TOKEN_SIZE_LIMIT = 8 * 1024, /* bytes */
  TOKEN_SUBJECT_LIMIT = 255,   /* bytes of `sub` */
  TOKEN_LEEWAY_S = 60,         /* how far clocks may be apart */
};

enum token_verdict {
  TOKEN_GOOD,
  TOKEN_BAD,         /* no key makes it good: the reason says why */
  TOKEN_UNKNOWN_KEY, /* all that can be said without its key is good, but the set has none of its
                        `kid` */
};

struct token_claims {
  char subject[TOKEN_SUBJECT_LIMIT];
  size_t subject_length;
  int64_t good_until_s; /* Unix time from which on the token is refused: `exp` and the leeway */
};

/* Cuts the token out of the value of an Authorization header: the scheme Bearer in any case,
 * spaces, one token. False when it is anything else. */
bool token_from_header(struct str header, struct str *ret_token);

/* Checks `token` (as it came: hostile) at `now_s`, a Unix time. `keys` may be NULL: no key is known
 * then. `ret_claims` is filled when it is good, `*ret_reason`, constant text, when it is bad. */
enum token_verdict token_verify(struct str token, const struct key_set *keys,
                                const struct auth_options *options, int64_t now_s,
                                struct token_claims *ret_claims, const char **ret_reason);
