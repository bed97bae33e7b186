/* migrate_new.c: the file of a new migration. See engine.h. */
#include "lib/base/buffer.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/migrate/engine.h"
#include "lib/migrate/file/migration.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

static const char TEMPLATE[] = "-- What this is for, in a sentence.\n"
                               "\n"
                               "-- migrate:up\n"
                               "\n"
                               "\n"
                               "-- migrate:down\n"
                               "\n";

/* Lower case; runs of anything but letters and digits become one '_'. */
static void append_clean_name(struct buffer *out, const char *name) {
  for (const char *c = name; *c; c++) {
    char lower = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
    bool fine = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    if (fine)
      buffer_append_char(out, lower);
    else if (out->length > 0 && out->data[out->length - 1] != '_')
      buffer_append_char(out, '_');
  }
  while (out->length > 0 && out->data[out->length - 1] == '_')
    out->length--;
}

static bool find_newest(const char *dir, struct version *ret_newest, bool *ret_any,
                        struct error *error) {
  DIR *folder = opendir(dir);
  if (!folder) return error_set(error, ERROR_INVALID, "folder %s: %s", dir, strerror(errno));
  *ret_any = false;
  for (struct dirent *entry; (entry = readdir(folder));) {
    struct version version;
    struct str name;
    if (!migration_parse_file_name(str_from(entry->d_name), &version, &name)) continue;
    if (*ret_any && version_compare(&version, ret_newest) <= 0) continue;
    *ret_newest = version;
    *ret_any = true;
  }
  closedir(folder);
  return true;
}

static bool write_file(const char *path, struct error *error) {
  _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return error_set(error, ERROR_CONFLICT, "%s: %s", path, strerror(errno));
  ssize_t length = (ssize_t)sizeof(TEMPLATE) - 1;
  if (write(fd, TEMPLATE, (size_t)length) == length) return true;
  return error_set(error, ERROR_INTERNAL, "%s: %s", path, strerror(errno));
}

bool migrate_new(const char *dir, const char *name, const struct migrate_reporter *reporter,
                 struct error *error) {
  struct version newest, version;
  bool any = false;
  if (!find_newest(dir, &newest, &any, error) ||
      !version_next(any ? &newest : NULL, clock_unix_us(), &version, error))
    return false;
  struct buffer clean = BUFFER_EMPTY, path = BUFFER_EMPTY;
  append_clean_name(&clean, name);
  bool fine = clean.length > 0 && clean.length <= MIGRATION_NAME_MAX;
  if (fine)
    buffer_append_format(&path, "%s/%s_%s.sql", dir, version.text, buffer_text(&clean));
  else
    error_set(error, ERROR_INVALID, "a name has 1 to %d letters and digits, not '%.100s'",
              MIGRATION_NAME_MAX, name);
  bool written = fine && write_file(buffer_text(&path), error);
  if (written) report(reporter, SAY_OUTPUT, "%s", buffer_text(&path));
  buffer_free(&clean);
  buffer_free(&path);
  return written;
}
