/* chain.c: see chain.h. The order is a table. Roles are no row of it: a profile with a role leads
 * to another profile, or to a row that it names, for the keys that the role is assumed with. */
#include "lib/aws/credentials/chain.h"

#include "lib/aws/credentials/sources.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Where a source is set up. */
enum chain_place { IN_ENVIRONMENT, IN_PROFILE, IN_MACHINE };

static const struct chain_source {
  enum chain_place place;
  const char *name; /* as credential_source of a profile; NULL: it cannot stand there */
  enum credentials_step (*find)(const struct credentials_search *search,
                                struct credentials_ask *ask, struct error *error);
} CHAIN[] = {
    {IN_ENVIRONMENT, "Environment", static_keys_find_environment},
    {IN_PROFILE, NULL, sts_find_web_identity}, /* of the environment, too */
    {IN_PROFILE, NULL, sso_find},
    {IN_PROFILE, NULL, static_keys_find_credentials},
    {IN_PROFILE, NULL, credential_process_find},
    {IN_PROFILE, NULL, static_keys_find_config},
    {IN_MACHINE, "EcsContainer", metadata_find_container},
    {IN_MACHINE, "Ec2InstanceMetadata", metadata_find_instance},
};

enum { CHAIN_LENGTH = sizeof(CHAIN) / sizeof(CHAIN[0]) };

/* The first source of `place` that is set up. */
static enum credentials_step find_in(enum chain_place place,
                                     const struct credentials_search *search,
                                     struct credentials_ask *ask, struct error *error) {
  enum credentials_step step = STEP_NONE;
  for (size_t i = 0; i < CHAIN_LENGTH && step == STEP_NONE; i++)
    if (CHAIN[i].place == place) step = CHAIN[i].find(search, ask, error);
  return step;
}

/* The source that a profile's credential_source names. */
static enum credentials_step find_named(struct str name, const struct credentials_search *search,
                                        struct credentials_ask *ask, struct error *error) {
  const struct chain_source *source = NULL;
  for (size_t i = 0; i < CHAIN_LENGTH; i++)
    if (CHAIN[i].name && str_equal(str_from(CHAIN[i].name), name)) source = &CHAIN[i];
  if (!source)
    return credentials_ask_refuse(
        error, ERROR_DENIED,
        "credential_source of the AWS profile %s must be Environment, EcsContainer or "
        "Ec2InstanceMetadata",
        search->profile);
  enum credentials_step step = source->find(search, ask, error);
  if (step != STEP_NONE) return step;
  return credentials_ask_refuse(
      error, ERROR_DENIED,
      "the AWS profile %s has credential_source = %s, but no credentials are there",
      search->profile, source->name);
}

/* The end of a row of roles: a profile whose keys need no role. */
static enum credentials_step find_first_keys(const struct credentials_search *search,
                                             struct credentials_ask *ask, struct error *error) {
  enum credentials_step step = find_in(IN_PROFILE, search, ask, error);
  if (step != STEP_NONE) return step;
  return credentials_ask_refuse(error, ERROR_DENIED,
                                "the AWS profile %s, a source_profile, has no credentials",
                                search->profile);
}

/* Follows the profiles from role to role until one has keys, or names a source of them. Each round
 * adds a role, of which there are AWS_ROLES_LIMIT at most. */
static enum credentials_step find_roles(const struct credentials_search *search,
                                        struct credentials_ask *ask, struct error *error) {
  if (!role_is_set(search)) return STEP_NONE;
  if (!sts_resolve(search, ask, error)) return STEP_FAILED;
  struct credentials_search at = {search->config, search->files, search->profile, false};
  char *profile = NULL; /* owned; what at.profile is after the first round */
  for (;;) {
    struct role_origin origin;
    enum credentials_step step = role_add(&at, ask, &origin, error);
    if (step == STEP_FOUND && origin.source.data) step = find_named(origin.source, &at, ask, error);
    free(profile);
    at.profile = profile = origin.profile;
    bool ends = step != STEP_FOUND || !profile;
    if (!ends && (role_has_keys(&at) || !role_is_set(&at))) {
      step = find_first_keys(&at, ask, error);
      ends = true;
    }
    if (!ends) continue;
    free(profile);
    return step;
  }
}

/* A profile that somebody asked for by name must be there. */
static enum credentials_step find_in_files(const struct credentials_search *search,
                                           struct credentials_ask *ask, struct error *error) {
  const struct config_aws *aws = &search->config->aws;
  enum credentials_step step = find_roles(search, ask, error);
  if (step == STEP_NONE) step = find_in(IN_PROFILE, search, ask, error);
  if (step != STEP_NONE || strcmp(search->profile, "default") == 0 ||
      profile_exists(search->files, search->profile))
    return step;
  return credentials_ask_refuse(error, ERROR_DENIED,
                                "the AWS profile %s (AWS_PROFILE) is neither in %s nor in %s",
                                search->profile, aws->credentials_file, aws->config_file);
}

/* The files are read when the environment has no keys, and not before: one that cannot be read is
 * an error. */
static enum credentials_step find_all(struct credentials_search *search,
                                      struct credentials_ask *ask, struct error *error) {
  enum credentials_step step = find_in(IN_ENVIRONMENT, search, ask, error);
  if (step != STEP_NONE) return step;
  struct profile_files files;
  if (!profile_files_read(search->config, &files, error)) return STEP_FAILED;
  search->files = &files;
  step = find_in_files(search, ask, error);
  search->files = NULL;
  profile_files_free(&files);
  return step == STEP_NONE ? find_in(IN_MACHINE, search, ask, error) : step;
}

bool chain_find(const struct config *config, struct credentials_ask *ask, struct error *error) {
  struct credentials_search search = {
      .config = config, .profile = config->aws.profile, .environment_too = true};
  enum credentials_step step = find_all(&search, ask, error);
  if (step == STEP_NONE)
    return error_set(error, ERROR_DENIED,
                     "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a "
                     "profile");
  assert(step != STEP_FOUND || ask->start || ask->keys); /* there is something to go on with */
  return step == STEP_FOUND;
}
