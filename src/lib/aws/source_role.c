/* source_role.c: profiles with a role_arn: which roles are to be assumed in which order, and where
 * the first keys come from, as botocore's AssumeRoleProvider decides. */
#include "lib/aws/search.h"

#include <stdlib.h>
#include <string.h>

/* A profile with keys of its own, or half of them. */
static bool has_keys(const struct search *search, const char *profile) {
  return profile_setting(search->files, profile, "aws_access_key_id").data ||
         profile_setting(search->files, profile, "aws_secret_access_key").data;
}

/* A role that is assumed with other keys; with web identity it is another thing. */
static bool has_role(const struct search *search, const char *profile) {
  return profile_setting(search->files, profile, "role_arn").data &&
         !profile_setting(search->files, profile, "web_identity_token_file").data;
}

static char *copy_setting(const struct search *search, const char *profile, const char *name) {
  struct str value = profile_setting(search->files, profile, name);
  return value.length > 0 ? search_copy(value) : NULL;
}

/* Whole seconds; what is no number is passed over, as botocore does, and STS's default holds. */
static unsigned duration_of(const struct search *search, const char *profile) {
  struct str text = profile_setting(search->files, profile, "duration_seconds");
  unsigned seconds = 0;
  if (text.length == 0 || text.length > 8) return 0;
  for (size_t i = 0; i < text.length; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return 0;
    seconds = seconds * 10 + (unsigned)(text.data[i] - '0');
  }
  return seconds;
}

/* Puts the profile's role before those that are to be assumed with its keys. */
static enum step add_role(const struct search *search, const char *profile,
                          struct aws_source *source, struct error *error) {
  if (source->role_count == AWS_ROLES_LIMIT)
    return step_fail(error, ERROR_DENIED,
                     "the AWS profile %s needs more than %d roles in a row (source_profile)",
                     search->config->aws.profile, AWS_ROLES_LIMIT);
  if (profile_setting(search->files, profile, "mfa_serial").data)
    return step_fail(error, ERROR_DENIED,
                     "the AWS profile %s wants a one-time code (mfa_serial), which nobody is there "
                     "to type; export credentials instead (aws configure export-credentials "
                     "--profile %s --format env)",
                     profile, profile);
  memmove(&source->roles[1], &source->roles[0], source->role_count * sizeof(source->roles[0]));
  source->role_count++;
  source->roles[0] = (struct aws_role){
      .arn = copy_setting(search, profile, "role_arn"),
      .session_name = copy_setting(search, profile, "role_session_name"),
      .external_id = copy_setting(search, profile, "external_id"),
      .profile = strdup(profile),
      .duration_s = duration_of(search, profile),
  };
  if (!source->roles[0].profile) return step_fail(error, ERROR_MEMORY, "out of memory");
  if (!source->roles[0].arn)
    return step_fail(error, ERROR_DENIED, "role_arn of the AWS profile %s is empty", profile);
  return STEP_FOUND;
}

static enum step step_credential_source(const struct search *search, const char *profile,
                                        struct str name, struct aws_source *source,
                                        struct error *error) {
  enum step step;
  if (str_equal(name, STR("Environment")))
    step = step_environment(search, source, error);
  else if (str_equal(name, STR("EcsContainer")))
    step = step_container(search, source, error);
  else if (str_equal(name, STR("Ec2InstanceMetadata")))
    step = step_instance(search, source, error);
  else
    return step_fail(error, ERROR_DENIED,
                     "credential_source of the AWS profile %s must be Environment, EcsContainer or "
                     "Ec2InstanceMetadata",
                     profile);
  if (step != STEP_NONE) return step;
  return step_fail(error, ERROR_DENIED,
                   "the AWS profile %s has credential_source = %.*s, but no credentials are there",
                   profile, (int)name.length, name.data);
}

static bool was_visited(const struct aws_source *source, const char *profile) {
  for (unsigned i = 0; i < source->role_count; i++)
    if (strcmp(source->roles[i].profile, profile) == 0) return true;
  return false;
}

/* A profile may name itself, when it has keys for its role. */
static enum step check_source_profile(const struct search *search, const char *profile,
                                      const char *next, const struct aws_source *source,
                                      struct error *error) {
  if (!profile_exists(search->files, next))
    return step_fail(error, ERROR_DENIED,
                     "the source_profile %s of the AWS profile %s does not exist", next, profile);
  bool is_itself = strcmp(profile, next) == 0;
  if (was_visited(source, next) && !(is_itself && has_keys(search, next)))
    return step_fail(error, ERROR_DENIED,
                     "the source_profile %s of the AWS profile %s leads back to itself", next,
                     profile);
  return STEP_FOUND;
}

/* The last in the row: keys that need no role. */
static enum step step_first_keys(const struct search *search, const char *profile,
                                 struct aws_source *source, struct error *error) {
  enum step step = step_profile(search, profile, false, source, error);
  if (step != STEP_NONE) return step;
  return step_fail(error, ERROR_DENIED, "the AWS profile %s, a source_profile, has no credentials",
                   profile);
}

/* Adds the role of `profile`; what its keys come from is found in `source`, or is another profile:
 * `*next`, the caller's, else NULL. */
static enum step follow(const struct search *search, const char *profile, char **next,
                        struct aws_source *source, struct error *error) {
  struct str from_profile = profile_setting(search->files, profile, "source_profile");
  struct str from_source = profile_setting(search->files, profile, "credential_source");
  *next = NULL;
  if (!from_profile.data == !from_source.data)
    return step_fail(error, ERROR_DENIED,
                     "the AWS profile %s has a role_arn and %s source_profile %s credential_source",
                     profile, from_profile.data ? "both" : "neither",
                     from_profile.data ? "and" : "nor");
  enum step step = add_role(search, profile, source, error);
  if (step != STEP_FOUND) return step;
  if (from_source.data) return step_credential_source(search, profile, from_source, source, error);
  *next = search_copy(from_profile);
  if (!*next) return step_fail(error, ERROR_MEMORY, "out of memory");
  return check_source_profile(search, profile, *next, source, error);
}

enum step step_role(const struct search *search, const char *profile, struct aws_source *source,
                    struct error *error) {
  if (!has_role(search, profile)) return STEP_NONE;
  if (!search_sts(search, source, error)) return STEP_FAILED;
  char *current = strdup(profile), *next;
  if (!current) return step_fail(error, ERROR_MEMORY, "out of memory");
  enum step step;
  for (;;) {
    step = follow(search, current, &next, source, error);
    free(current);
    current = next;
    if (step != STEP_FOUND || !current) break;
    if (has_keys(search, current) || !has_role(search, current)) {
      step = step_first_keys(search, current, source, error);
      break;
    }
  }
  free(current);
  return step;
}
