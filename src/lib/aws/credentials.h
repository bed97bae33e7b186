/* credentials.h: the keys that requests to AWS are signed with: where they come from and how they
 * stay fresh.
 *
 * Sources in botocore's order: environment; a role of the profile; web identity; SSO, keys and
 * program of the profile; container endpoint; instance metadata. A provider is of the
 * whole process: one loop fetches, every loop's client takes the same immutable, counted
 * credentials from it. They are fetched once for all who wait, and again before they expire while
 * the old ones go on serving. No message and no log line holds a secret. */
#pragma once

#include "lib/base/config.h"
#include "lib/base/error.h"
#include "lib/base/list.h"
#include "lib/loop/loop.h"

#include <stdint.h>

/* Immutable and counted: any thread may hold them. */
struct aws_credentials;

struct aws_credentials *aws_credentials_ref(struct aws_credentials *credentials);
void aws_credentials_unref(struct aws_credentials *credentials); /* takes NULL */

const char *aws_credentials_access_key_id(const struct aws_credentials *credentials);
const char *aws_credentials_secret_access_key(const struct aws_credentials *credentials);
const char *aws_credentials_session_token(const struct aws_credentials *credentials); /* "": none */

/* Where they come from, for people: "environment", "profile default", "container endpoint", … */
const char *aws_credentials_source(const struct aws_credentials *credentials);

struct aws_provider;

/* Makes the process's provider on `loop` and starts to look for credentials at once. `config` was
 * loaded with CONFIG_AWS and must outlive the provider. Not to find any is no failure here: each
 * call is told. NULL when memory is out. */
struct aws_provider *aws_provider_new(struct loop *loop, const struct config *config,
                                      struct error *error);

/* Ends what is under way and closes the handles; the memory goes with the last client. On the
 * provider's loop. Takes NULL. */
void aws_provider_close(struct aws_provider *provider);
