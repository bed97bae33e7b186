/* token.h: the rules for tokens, as a function of the keys, a token and a time. Inside of the room
 * only. */
#pragma once

#include "lib/auth/auth.h"
#include "lib/auth/claims.h"
#include "lib/auth/jwks.h"
#include "lib/auth/verified.h"

enum {
  TOKEN_SIZE_LIMIT = 16 * 1024, /* bytes: what all headers of a request may have */
  TOKEN_LEEWAY_S = 60,          /* how far clocks may be apart */
};

/* Cuts the token out of the value of an Authorization header: the scheme Bearer in any case,
 * spaces, one token. False when it is anything else. */
bool token_from_header(struct str header, struct str *ret_token);

enum token_verdict {
  TOKEN_GOOD,
  TOKEN_BAD,  /* no key makes it good */
  TOKEN_WAIT, /* all that can be said without its key is good, and the set has no key of its `kid`:
                 another set may have */
};

struct token_answer {
  enum token_verdict verdict;
  struct token_claims claims; /* of a good token */
  const char *reason;         /* why it is not good, for the log: constant text; else NULL */
};

/* Checks `token` (as it came: hostile) at `now_s`, a Unix time. `keys` may be NULL: no key is known
 * then. A good token is looked up and remembered in `cache`, which may be NULL and must be cleared
 * when the keys change. Does no input or output. */
struct token_answer token_check(const struct jwks *keys, struct verified *cache,
                                const struct auth_options *options, struct str token,
                                int64_t now_s);
