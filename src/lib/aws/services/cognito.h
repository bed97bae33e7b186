/* cognito.h: the users of a Cognito user pool, for commands. */
#pragma once

#include "lib/base/config.h"
#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* What Cognito did not tell is "". */
struct cognito_user {
  char *handle; /* preferred_username */
  char *sub, *email, *name;
  char *status; /* "CONFIRMED", … */
  bool enabled;
};

/* In Cognito's order. */
struct cognito_users {
  struct cognito_user *users;
  size_t count;
};

/* Reads all users of the pool of the settings, page by page (ListUsers). Blocks. `config` was
 * loaded with CONFIG_AWS; without a pool's id it fails as ERROR_INVALID. Other errors: those of
 * aws_session_json(). */
bool cognito_load_users(const struct config *config, struct cognito_users *ret_users,
                        struct error *error);
void cognito_free_users(struct cognito_users *users);
