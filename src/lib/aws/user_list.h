/* user_list.h: all users of a Cognito pool at once, for commands. */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/config.h"
#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct listed_user {
  char *handle; /* preferred_username; "" where there is none */
  char *sub, *email, *name, *status;
  bool enabled;
};

struct user_list {
  struct listed_user *users;
  size_t count;
};

/* Reads every page of ListUsers. `config` was loaded with CONFIG_AWS; without a pool's id it fails
 * as ERROR_INVALID. */
bool user_list_load(const struct config *config, struct user_list *ret_list, struct error *error);
void user_list_free(struct user_list *list);
