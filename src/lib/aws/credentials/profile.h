/* profile.h: the AWS SDKs' files of credentials and settings: sections of `name = value` lines. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/config.h"
#include "lib/base/error.h"
#include "lib/base/str.h"

#include <limits.h>

enum { PROFILE_FILE_LIMIT = 1024 * 1024 };

/* What the two files say, as plain lines (profile_text.h); a file that does not exist is empty. */
struct profile_files {
  struct buffer credentials;
  struct buffer config;
};

/* Reads the files that `config` names. Blocks: not for a loop's thread in work. Fails when a file
 * is there but cannot be read, is too long, or is one that botocore refuses. */
bool profile_files_read(const struct config *config, struct profile_files *ret_files,
                        struct error *error);
void profile_files_free(struct profile_files *files);

/* The value of `name` in the profile of a file's plain lines; data is NULL when there is none. In
 * the config file a profile's section is [profile NAME], but for [default]. */
struct str profile_find(struct str plain, bool is_config_file, const char *profile,
                        struct str name);

/* The value of `name` in the profile, of the credentials file where both have one, as botocore
 * merges them; data is NULL when there is none. */
struct str profile_setting(const struct profile_files *files, const char *profile,
                           const char *name);

/* True when one of the files has a section of that profile. */
bool profile_exists(const struct profile_files *files, const char *profile);

/* The same for the config file's sections [sso-session NAME]. */
struct str profile_session_setting(const struct profile_files *files, struct str session,
                                   const char *name);
bool profile_session_exists(const struct profile_files *files, struct str session);

/* The value of `name` that is indented below `group =` in the config file's section
 * [services SECTION]; data is NULL where it stands nowhere. */
struct str profile_services_setting(const struct profile_files *files, struct str section,
                                    struct str group, struct str name);

/* Writes `path` with "~/" as the home folder; false when it is too long. */
bool profile_expand_home(const char *path, char expanded[PATH_MAX]);

/* The whole text of a file without the white space at its end, of which something must be left; the
 * caller's, to be freed by secret_free(). NULL as DENIED, or as MEMORY. */
char *profile_read_token(const char *path, struct error *error);

/* Reads a whole file of at most `limit` bytes, "~/" being the home folder. NOT_FOUND: it is not
 * there. */
bool profile_read_file(const char *path, size_t limit, struct buffer *ret_text,
                       struct error *error);
