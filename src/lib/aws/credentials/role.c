/* role.c: profiles with a role_arn: which roles are to be assumed, and where the first keys come
 * from, as botocore's AssumeRoleProvider decides. STS is asked for them in sts.c. */
#include "lib/aws/credentials/sources.h"
#include "lib/aws/secret.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool has(const struct credentials_search *search, const char *name) {
  return profile_setting(search->files, search->profile, name).data != NULL;
}

bool role_has_keys(const struct credentials_search *search) {
  return has(search, "aws_access_key_id") || has(search, "aws_secret_access_key");
}

/* With web identity a role_arn is another thing. */
bool role_is_set(const struct credentials_search *search) {
  return has(search, "role_arn") && !has(search, "web_identity_token_file");
}

static char *copy_setting(const struct credentials_search *search, const char *name) {
  struct str value = profile_setting(search->files, search->profile, name);
  return value.length > 0 ? secret_copy(value) : NULL;
}

/* Whole seconds; what is no number is passed over, as botocore does, and STS's default holds. */
static unsigned duration_of(const struct credentials_search *search) {
  uint64_t seconds = 0;
  str_to_u64(profile_setting(search->files, search->profile, "duration_seconds"), 0, 99999999,
             &seconds);
  return (unsigned)seconds;
}

static enum credentials_step check_profile(const struct credentials_search *search,
                                           const struct credentials_ask *ask, struct error *error) {
  const char *profile = search->profile;
  bool from_profile = has(search, "source_profile");
  if (from_profile == has(search, "credential_source"))
    return credentials_ask_refuse(
        error, ERROR_DENIED,
        "the AWS profile %s has a role_arn and %s source_profile %s credential_source", profile,
        from_profile ? "both" : "neither", from_profile ? "and" : "nor");
  if (ask->role_count == AWS_ROLES_LIMIT)
    return credentials_ask_refuse(
        error, ERROR_DENIED,
        "the AWS profile %s needs more than %d roles in a row (source_profile)",
        search->config->aws.profile, AWS_ROLES_LIMIT);
  if (has(search, "mfa_serial"))
    return credentials_ask_refuse(
        error, ERROR_DENIED,
        "the AWS profile %s wants a one-time code (mfa_serial), which nobody is there to type; "
        "export credentials instead (aws configure export-credentials --profile %s --format env)",
        profile, profile);
  return STEP_FOUND;
}

/* Puts the profile's role before those that are to be assumed with its keys. */
static enum credentials_step insert(const struct credentials_search *search,
                                    struct credentials_ask *ask, struct error *error) {
  assert(ask->role_count < AWS_ROLES_LIMIT);
  memmove(&ask->roles[1], &ask->roles[0], ask->role_count * sizeof(ask->roles[0]));
  ask->role_count++;
  ask->roles[0] = (struct credentials_role){
      .arn = copy_setting(search, "role_arn"),
      .session_name = copy_setting(search, "role_session_name"),
      .external_id = copy_setting(search, "external_id"),
      .profile = strdup(search->profile),
      .duration_s = duration_of(search),
  };
  if (!ask->roles[0].profile) return credentials_ask_refuse(error, ERROR_MEMORY, "out of memory");
  if (!ask->roles[0].arn)
    return credentials_ask_refuse(error, ERROR_DENIED, "role_arn of the AWS profile %s is empty",
                                  search->profile);
  return STEP_FOUND;
}

static bool was_added(const struct credentials_ask *ask, const char *profile) {
  for (unsigned i = 0; i < ask->role_count; i++)
    if (strcmp(ask->roles[i].profile, profile) == 0) return true;
  return false;
}

/* A profile may name itself, when it has keys for its role. */
static enum credentials_step check_next(const struct credentials_search *search, const char *next,
                                        const struct credentials_ask *ask, struct error *error) {
  if (!profile_exists(search->files, next))
    return credentials_ask_refuse(error, ERROR_DENIED,
                                  "the source_profile %s of the AWS profile %s does not exist",
                                  next, search->profile);
  bool is_itself = strcmp(search->profile, next) == 0;
  if (was_added(ask, next) && !(is_itself && role_has_keys(search)))
    return credentials_ask_refuse(
        error, ERROR_DENIED, "the source_profile %s of the AWS profile %s leads back to itself",
        next, search->profile);
  return STEP_FOUND;
}

enum credentials_step role_add(const struct credentials_search *search, struct credentials_ask *ask,
                               struct role_origin *ret_origin, struct error *error) {
  *ret_origin = (struct role_origin){
      .source = profile_setting(search->files, search->profile, "credential_source")};
  enum credentials_step step = check_profile(search, ask, error);
  if (step == STEP_FOUND) step = insert(search, ask, error);
  if (step != STEP_FOUND || ret_origin->source.data) return step;
  ret_origin->profile =
      secret_copy(profile_setting(search->files, search->profile, "source_profile"));
  if (!ret_origin->profile) return credentials_ask_refuse(error, ERROR_MEMORY, "out of memory");
  return check_next(search, ret_origin->profile, ask, error);
}
