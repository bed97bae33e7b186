/* file.c: reads files whole, and puts whole files in place: a new text is written beside the old
 * one under a name of this process, and moves to its place with one system call. */
#include "lib/base/file.h"

#include "lib/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool cannot(const char *what, const char *path, struct error *error) {
  enum error_kind kind = errno == ENOENT ? ERROR_NOT_FOUND : ERROR_CONFLICT;
  return error_set(error, kind, "%s cannot be %s: %s", path, what, strerror(errno));
}

static bool read_all(FILE *file, const char *path, size_t limit, struct buffer *text,
                     struct error *error) {
  char part[4096];
  size_t count;
  while ((count = fread(part, 1, sizeof(part), file)) > 0) {
    if (count > limit - text->length)
      return error_set(error, ERROR_INVALID, "%s is longer than %zu bytes", path, limit);
    buffer_append(text, part, count);
    if (text->failed) return error_set(error, ERROR_MEMORY, "out of memory for %s", path);
  }
  return !ferror(file) || cannot("read", path, error);
}

bool file_read(const char *path, size_t limit, struct buffer *ret_text, struct error *error) {
  _cleanup_fclose_ FILE *file = fopen(path, "re");
  if (!file) return cannot("read", path, error);
  struct buffer text = BUFFER_EMPTY;
  if (!read_all(file, path, limit, &text, error)) {
    buffer_free(&text);
    return false;
  }
  *ret_text = text;
  return true;
}

static bool write_all(int fd, struct str text) {
  while (text.length > 0) {
    ssize_t count = write(fd, text.data, text.length);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.data += count;
    text.length -= (size_t)count;
  }
  return true;
}

static bool put_in_place(const char *path, struct str text, mode_t mode, bool keep,
                         struct error *error) {
  _cleanup_(buffer_free) struct buffer temporary = BUFFER_EMPTY;
  buffer_append_format(&temporary, "%s.%ld", path, (long)getpid());
  const char *name = buffer_text(&temporary);
  if (temporary.failed) return error_set(error, ERROR_MEMORY, "out of memory for %s", path);
  unlink(name); /* left by a process of the same id that was killed */
  _cleanup_close_ int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return cannot("written", path, error);
  bool placed =
      write_all(fd, text) && fsync(fd) == 0 && (keep ? link(name, path) : rename(name, path)) == 0;
  if (!placed && keep && errno == EEXIST) placed = true;
  if (!placed) cannot("written", path, error);
  unlink(name); /* a name of its own still after a failure, or when the file was linked */
  return placed;
}

/* A device or a pipe is written to: a file in its place would take it away. */
static bool write_through(const char *path, struct str text, struct error *error) {
  _cleanup_close_ int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return cannot("written", path, error);
  return write_all(fd, text) || cannot("written", path, error);
}

bool file_replace(const char *path, struct str text, mode_t mode, struct error *error) {
  struct stat status;
  if (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
    return write_through(path, text, error);
  return put_in_place(path, text, mode, false, error);
}

bool file_create(const char *path, struct str text, mode_t mode, struct error *error) {
  return put_in_place(path, text, mode, true, error);
}

bool file_make_parents(const char *path, struct error *error) {
  _cleanup_free_ char *folder = strdup(path);
  if (!folder) return error_set(error, ERROR_MEMORY, "out of memory for %s", path);
  if (!*folder) return true;
  for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) return cannot("made", folder, error);
    *slash = '/';
  }
  return true;
}
