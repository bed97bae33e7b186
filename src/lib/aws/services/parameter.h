/* parameter.h: a secret of Parameter Store (AWS Systems Manager), for commands. */
#pragma once

#include "lib/base/config.h"
#include "lib/base/error.h"

#include <stdint.h>

/* Reads the parameter `name` (its path or ARN), decrypted, within `deadline_ms`; the text, without
 * white space at its end, is the caller's to free. `config` was loaded with CONFIG_AWS. Blocks.
 * Kinds of error: NOT_FOUND, INVALID (no such name, or it is empty), those of aws_client_call().
 *
 * Source: AWS Systems Manager API Reference, GetParameter. */
bool parameter_read(const struct config *config, const char *name, uint64_t deadline_ms,
                    char **ret_value, struct error *error);
