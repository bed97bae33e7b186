/* dev_issuer.h: the user pool of a developer's machine: a key pair and its key set in a folder, and
 * tokens signed with them. For `cruddur dev-token`; the server never signs anything. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"
#include "lib/base/uuid.h"

#include <stdint.h>

/* Makes `folder`, and in it private.pem (readable by its owner alone) and jwks.json, where they are
 * missing. A key that is there stays; a key set that does not fit it is replaced. */
bool dev_issuer_init(const char *folder, struct error *error);

/* Reports NOT_FOUND unless private.pem is there, and CONFLICT unless jwks.json holds its public
 * key. */
bool dev_issuer_check(const char *folder, struct error *error);

struct dev_claims {
  const char *issuer, *client_id, *subject, *username;
  int64_t issued_s, expires_s; /* Unix times */
};

/* Signs an access token. The caller frees *ret_token. */
bool dev_issuer_sign(const char *folder, const struct dev_claims *claims, char **ret_token,
                     struct error *error);

/* The subject that a seeded user gets: always the same for a handle (a version 5 UUID). */
bool dev_issuer_sub(struct str handle, char ret_text[UUID_TEXT_LENGTH + 1], struct error *error);
