/* sources.h: what each source of credentials gives to the chain: a step that finds it, in the file
 * of its kind. Inside of the room only. */
#pragma once

#include "lib/aws/credentials/credentials_ask.h"

/* static_keys.c: keys as they are, in the environment or in a profile of one of the two files. */
enum credentials_step static_keys_find_environment(const struct credentials_search *search,
                                                   struct credentials_ask *ask,
                                                   struct error *error);
enum credentials_step static_keys_find_credentials(const struct credentials_search *search,
                                                   struct credentials_ask *ask,
                                                   struct error *error);
enum credentials_step static_keys_find_config(const struct credentials_search *search,
                                              struct credentials_ask *ask, struct error *error);

/* sts.c: web identity; and what roles need: the endpoint of STS, resolved once. */
enum credentials_step sts_find_web_identity(const struct credentials_search *search,
                                            struct credentials_ask *ask, struct error *error);
bool sts_resolve(const struct credentials_search *search, struct credentials_ask *ask,
                 struct error *error);

/* sso.c: people who have logged in. */
enum credentials_step sso_find(const struct credentials_search *search, struct credentials_ask *ask,
                               struct error *error);

/* credential_process.c: a program. */
enum credentials_step credential_process_find(const struct credentials_search *search,
                                              struct credentials_ask *ask, struct error *error);

/* metadata.c: the machine's own: a container's endpoint, the instance metadata service. */
enum credentials_step metadata_find_container(const struct credentials_search *search,
                                              struct credentials_ask *ask, struct error *error);
enum credentials_step metadata_find_instance(const struct credentials_search *search,
                                             struct credentials_ask *ask, struct error *error);

/* role.c: profiles with a role_arn. */

/* Where the keys for a role come from: one of the two. */
struct role_origin {
  char *profile;     /* its source_profile, the caller's to free; NULL: */
  struct str source; /* its credential_source, a slice of the files */
};

/* True when the profile has a role that is assumed with other keys. */
bool role_is_set(const struct credentials_search *search);

/* True when it has keys of its own, or half of them. */
bool role_has_keys(const struct credentials_search *search);

/* Adds the profile's role, to be assumed before those that were added already, and tells where its
 * keys come from. */
enum credentials_step role_add(const struct credentials_search *search, struct credentials_ask *ask,
                               struct role_origin *ret_origin, struct error *error);
