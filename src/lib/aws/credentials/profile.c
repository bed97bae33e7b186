/* profile.c: see profile.h. */
#include "lib/aws/credentials/profile.h"

#include "lib/aws/credentials/process_words.h"
#include "lib/aws/credentials/profile_text.h"
#include "lib/aws/secret.h"
#include "lib/base/cleanup.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TOKEN_LIMIT = 64 * 1024, NESTED_NAME_SIZE = 128 };

bool profile_expand_home(const char *path, char expanded[PATH_MAX]) {
  const char *home = getenv("HOME");
  int length = strncmp(path, "~/", 2) == 0
                   ? snprintf(expanded, PATH_MAX, "%s%s", home ? home : "", path + 1)
                   : snprintf(expanded, PATH_MAX, "%s", path);
  return length > 0 && length < PATH_MAX;
}

static bool read_all(int fd, size_t limit, struct buffer *text) {
  char chunk[4096];
  ssize_t count;
  while ((count = read(fd, chunk, sizeof(chunk))) != 0) {
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    if ((size_t)count > limit - text->length) {
      errno = EFBIG;
      return false;
    }
    buffer_append(text, chunk, (size_t)count);
    if (text->failed) {
      errno = ENOMEM;
      return false;
    }
  }
  return true;
}

bool profile_read_file(const char *path, size_t limit, struct buffer *ret_text,
                       struct error *error) {
  char expanded[PATH_MAX];
  if (!profile_expand_home(path, expanded))
    return error_set(error, ERROR_INVALID, "the path %.100s… is too long", path);
  _cleanup_close_ int fd = open(expanded, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return error_set(error, errno == ENOENT || errno == ENOTDIR ? ERROR_NOT_FOUND : ERROR_DENIED,
                     "%s cannot be opened: %s", expanded, strerror(errno));
  struct buffer text = BUFFER_EMPTY;
  if (!read_all(fd, limit, &text)) {
    buffer_free(&text);
    return error_set(error, ERROR_DENIED, "%s cannot be read: %s", expanded, strerror(errno));
  }
  *ret_text = text;
  return true;
}

char *profile_read_token(const char *path, struct error *error) {
  struct buffer text = BUFFER_EMPTY;
  if (!profile_read_file(path, TOKEN_LIMIT, &text, error)) {
    error->kind = ERROR_DENIED;
    return NULL;
  }
  struct str token = buffer_str(&text);
  while (token.length > 0 && strchr(" \t\r\n", token.data[token.length - 1]))
    token.length--;
  char *copy = token.length > 0 ? secret_copy(token) : NULL;
  if (token.length == 0)
    error_set(error, ERROR_DENIED, "%s is empty", path);
  else if (!copy)
    error_set(error, ERROR_MEMORY, "out of memory");
  secret_buffer_free(&text);
  return copy;
}

/* Some editors put a byte order mark in front of the first section. */
static void drop_mark(struct buffer *text) {
  struct str mark = STR("\xEF\xBB\xBF");
  if (!str_starts_with(buffer_str(text), mark)) return;
  memmove(text->data, text->data + mark.length, text->length - mark.length);
  text->length -= mark.length;
}

/* A file that is not there is empty. */
static bool read_optional(const char *path, struct buffer *ret_plain, struct error *error) {
  struct buffer text = BUFFER_EMPTY;
  *ret_plain = BUFFER_EMPTY;
  if (!path) return true;
  if (!profile_read_file(path, PROFILE_FILE_LIMIT, &text, error)) {
    if (error->kind != ERROR_NOT_FOUND) return false;
    *error = (struct error){0};
    return true;
  }
  drop_mark(&text);
  bool read = profile_text_read(buffer_str(&text), ret_plain, error);
  secret_buffer_free(&text);
  return read || error_prefix(error, "%s cannot be read as AWS settings", path);
}

bool profile_files_read(const struct config *config, struct profile_files *ret_files,
                        struct error *error) {
  struct profile_files files = {0};
  if (!read_optional(config->aws.credentials_file, &files.credentials, error)) return false;
  if (!read_optional(config->aws.config_file, &files.config, error)) {
    profile_files_free(&files);
    return false;
  }
  *ret_files = files;
  return true;
}

void profile_files_free(struct profile_files *files) {
  secret_buffer_free(&files->credentials);
  secret_buffer_free(&files->config);
}

/* What stands before the name in a section's line. */
static const char PROFILES[] = "profile", SESSIONS[] = "sso-session", SERVICES[] = "services";

static const struct str DEFAULTS = {"DEFAULT", 7};

/* True when a section is the one that is `wanted`: "KIND NAME" in words as a shell has them, or the
 * name alone where `kind` is NULL. The settings' "default" is a profile. */
static bool is_section(struct str section, const char *kind, struct str wanted) {
  if (str_equal(section, DEFAULTS)) return false;
  if (!kind || (kind == PROFILES && str_equal(section, STR("default"))))
    return str_equal(section, wanted);
  char **words = NULL;
  if (!str_starts_with(section, str_from(kind)) || !process_words_split(section, &words, NULL))
    return false;
  bool is_wanted = words[1] && !words[2] && str_equal(str_from(words[1]), wanted);
  free(words);
  return is_wanted;
}

/* Walks the plain lines of a file (profile_text.h) for `name` in the sections [KIND WANTED], of
 * which the last one counts; `name` empty: only whether there is one. What a section lacks is taken
 * from [DEFAULT]. */
static struct str search(struct str plain, const char *kind, struct str wanted, struct str name) {
  struct str found = {NULL, 0}, otherwise = {NULL, 0}, line;
  bool inside = false, in_defaults = false, exists = false;
  while (str_next(&plain, '\n', &line)) {
    if (line.length > 0 && line.data[0] == '[') {
      struct str section = {line.data + 1, line.length - 2};
      inside = is_section(section, kind, wanted);
      in_defaults = str_equal(section, DEFAULTS);
      exists = exists || inside;
      if (inside) found = (struct str){NULL, 0};
      if (inside && name.length == 0) return line;
      continue;
    }
    const char *equals = inside || in_defaults ? memchr(line.data, '=', line.length) : NULL;
    if (!equals ||
        !str_equal_ignore_case((struct str){line.data, (size_t)(equals - line.data)}, name))
      continue;
    struct str value = {equals + 1, line.length - (size_t)(equals - line.data) - 1};
    *(inside ? &found : &otherwise) = value;
  }
  return found.data || !exists ? found : otherwise;
}

struct str profile_find(struct str plain, bool is_config_file, const char *profile,
                        struct str name) {
  return search(plain, is_config_file ? PROFILES : NULL, str_from(profile), name);
}

bool profile_exists(const struct profile_files *files, const char *profile) {
  struct str wanted = str_from(profile), nothing = {NULL, 0};
  return search(buffer_str(&files->credentials), NULL, wanted, nothing).data ||
         search(buffer_str(&files->config), PROFILES, wanted, nothing).data;
}

struct str profile_setting(const struct profile_files *files, const char *profile,
                           const char *name) {
  struct str value = profile_find(buffer_str(&files->credentials), false, profile, str_from(name));
  return value.data ? value
                    : profile_find(buffer_str(&files->config), true, profile, str_from(name));
}

bool profile_session_exists(const struct profile_files *files, struct str session) {
  return search(buffer_str(&files->config), SESSIONS, session, (struct str){NULL, 0}).data != NULL;
}

struct str profile_session_setting(const struct profile_files *files, struct str session,
                                   const char *name) {
  return search(buffer_str(&files->config), SESSIONS, session, str_from(name));
}

struct str profile_services_setting(const struct profile_files *files, struct str section,
                                    struct str group, struct str name) {
  char nested[NESTED_NAME_SIZE];
  int length = snprintf(nested, sizeof(nested), "%.*s%c%.*s", (int)group.length, group.data,
                        PROFILE_TEXT_NESTED, (int)name.length, name.data);
  assert(length > 0 && length < NESTED_NAME_SIZE);
  return search(buffer_str(&files->config), SERVICES, section,
                (struct str){nested, (size_t)length});
}
