/* search.h: the steps of the search for a source of credentials, each in the file of its kind.
 * Inside of the room only. */
#pragma once

#include "lib/aws/profile.h"
#include "lib/aws/source.h"

/* What a step works with. */
struct search {
  const struct config *config;
  const struct profile_files *files;
  int cancel_fd;
};

/* What it says: `source` was filled; it is not set up; it is set up wrongly (`error` says how),
 * which ends the search. `source` may be filled in part in each case. */
enum step { STEP_FOUND, STEP_NONE, STEP_FAILED };

enum { SOURCE_NAME_SIZE = 80 };

/* Ends a step with an error: `return step_fail(error, …)`. */
enum step step_fail(struct error *error, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

enum step step_found_fixed(struct aws_source *source, struct aws_credentials *credentials,
                           struct error *error);

/* source.c */
enum step step_environment(const struct search *search, struct aws_source *source,
                           struct error *error);
enum step step_container(const struct search *search, struct aws_source *source,
                         struct error *error);
enum step step_instance(const struct search *search, struct aws_source *source,
                        struct error *error);

/* source_profile.c: what a profile says but for roles, and web identity of the environment where
 * `environment_too`. */
enum step step_profile(const struct search *search, const char *profile, bool environment_too,
                       struct aws_source *source, struct error *error);

/* source_role.c: a profile with a role_arn, and what the keys for it come from. */
enum step step_role(const struct search *search, const char *profile, struct aws_source *source,
                    struct error *error);

/* source_sso.c, source_process.c */
enum step step_sso(const struct search *search, const char *profile, struct aws_source *source,
                   struct error *error);
enum step step_process(const struct search *search, const char *profile, struct aws_source *source,
                       struct error *error);

/* source_sts.c: fills source->sts unless it was. */
bool search_sts(const struct search *search, struct aws_source *source, struct error *error);

/* A file's whole text without white space around it, which must be there; the caller's, to be freed
 * by secret_free(). */
char *search_read_token(const char *path, struct error *error);

/* True for what may stand in a host name as a region. */
bool search_is_region(struct str region);

/* A copy, NUL-terminated; NULL when memory is out. */
char *search_copy(struct str text);
