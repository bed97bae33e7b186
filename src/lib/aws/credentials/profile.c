/* profile.c: see profile.h. */
#include "lib/aws/credentials/profile.h"

#include "lib/aws/secret.h"
#include "lib/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TOKEN_LIMIT = 64 * 1024 };

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

static bool read_optional(const char *path, struct buffer *ret_text, struct error *error) {
  struct error problem = {0};
  if (!path) {
    *ret_text = BUFFER_EMPTY;
    return true;
  }
  if (profile_read_file(path, PROFILE_FILE_LIMIT, ret_text, &problem)) {
    drop_mark(ret_text);
    return true;
  }
  if (problem.kind == ERROR_NOT_FOUND) {
    *ret_text = BUFFER_EMPTY;
    return true;
  }
  *error = problem;
  return false;
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

/* The name in a section's line "[KIND NAME]", or "[NAME]" where `kind` is NULL; data is NULL when
 * the section is of another kind. The settings' "[default]" is a profile. */
static struct str section_name(struct str line, const char *kind) {
  const char *end = memchr(line.data, ']', line.length);
  if (!end) return (struct str){NULL, 0};
  struct str name = str_trim((struct str){line.data + 1, (size_t)(end - line.data) - 1});
  if (!kind || (kind == PROFILES && str_equal(name, STR("default")))) return name;
  size_t length = strlen(kind);
  if (name.length <= length || strncmp(name.data, kind, length) != 0 ||
      !strchr(" \t", name.data[length]))
    return (struct str){NULL, 0};
  name = str_trim((struct str){name.data + length, name.length - length});
  if (name.length >= 2 && strchr("\"'", name.data[0]) && name.data[name.length - 1] == name.data[0])
    name = (struct str){name.data + 1, name.length - 2};
  return name;
}

static bool is_comment(struct str line) {
  return line.length == 0 || line.data[0] == '#' || line.data[0] == ';';
}

/* Cuts the next line off, untrimmed but for its end. */
static bool next_line(struct str *rest, struct str *ret_line) {
  if (rest->length == 0) return false;
  const char *end = memchr(rest->data, '\n', rest->length);
  size_t length = end ? (size_t)(end - rest->data) : rest->length;
  *ret_line = (struct str){rest->data, length};
  *rest = (struct str){rest->data + length + (end ? 1 : 0), rest->length - length - (end ? 1 : 0)};
  if (length > 0 && ret_line->data[length - 1] == '\r') ret_line->length--;
  return true;
}

/* Walks the lines of the sections [KIND SECTION]; `name` empty: only whether there is one. Lines
 * that are indented belong to a setting with settings of its own ("s3 ="). */
static struct str search(struct str text, const char *kind, struct str wanted, struct str name) {
  struct str found = {NULL, 0}, line;
  bool inside = false;
  while (next_line(&text, &line)) {
    if (is_comment(line) || line.data[0] == ' ' || line.data[0] == '\t') continue;
    if (line.data[0] == '[') {
      struct str section = section_name(line, kind);
      inside = section.data && str_equal(section, wanted);
      if (inside && name.length == 0) return line;
      continue;
    }
    const char *equals = inside ? memchr(line.data, '=', line.length) : NULL;
    if (!equals) continue;
    size_t length = (size_t)(equals - line.data);
    if (str_equal_ignore_case(str_trim((struct str){line.data, length}), name))
      found = str_trim((struct str){equals + 1, line.length - length - 1});
  }
  return found;
}

struct str profile_find(struct str text, bool is_config_file, const char *profile,
                        struct str name) {
  return search(text, is_config_file ? PROFILES : NULL, str_from(profile), name);
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

/* Cuts "name = value"; false for another line. */
static bool cut_setting(struct str line, struct str *ret_name, struct str *ret_value) {
  const char *equals = memchr(line.data, '=', line.length);
  if (!equals) return false;
  size_t length = (size_t)(equals - line.data);
  *ret_name = str_trim((struct str){line.data, length});
  *ret_value = str_trim((struct str){equals + 1, line.length - length - 1});
  return true;
}

struct str profile_services_setting(const struct profile_files *files, struct str section,
                                    struct str group, struct str name) {
  struct str text = buffer_str(&files->config), found = {NULL, 0}, line, own, value;
  bool inside = false, in_group = false;
  while (next_line(&text, &line)) {
    if (is_comment(str_trim(line))) continue;
    bool indented = line.data[0] == ' ' || line.data[0] == '\t';
    if (line.data[0] == '[') {
      struct str title = section_name(line, SERVICES);
      inside = title.data && str_equal(title, section);
      in_group = false;
    } else if (inside && cut_setting(line, &own, &value)) {
      if (!indented) in_group = str_equal_ignore_case(own, group);
      if (indented && in_group && str_equal_ignore_case(own, name)) found = value;
    }
  }
  return found;
}
