/* scan.c: the files of the build folder, without reading them.
 *
 * Walks the folders by openat() and O_NOFOLLOW, so that a folder that becomes a link meanwhile does
 * not lead out of the build. `path` of the walk is the path of the entry that is looked at; each
 * folder cuts it back to its own length. The depth of the recursion is bounded. */
#include "lib/sync/want/scan.h"

#include "lib/base/buffer.h"
#include "lib/base/cleanup.h"
#include "lib/base/utf8.h"
#include "lib/sync/keyed.h"
#include "lib/sync/want/glob.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { KEY_LINE_LENGTH = 32 };

struct scan_walk {
  const char *root; /* resolved */
  scan_skips skips;
  void *argument;
  struct arena *arena;
  struct scan *scan;
  struct error *error;
  struct buffer path; /* of the entry looked at, below the root */
};

static void close_folder(DIR **folder) {
  if (*folder) closedir(*folder);
}

const char *scan_refuses_name(const char *path) {
  static const struct {
    const char *pattern, *reason;
  } REFUSED[] = {
      {".env", "a file of settings and secrets"},
      {".env.*", "a file of settings and secrets"},
      {"*.env", "a file of settings and secrets"},
      {".git", "a Git repository"},
      {".gitconfig", "Git credentials"},
      {".git-credentials", "Git credentials"},
      {".hg", "a Mercurial repository"},
      {".svn", "a Subversion repository"},
      {".ssh", "keys"},
      {".aws", "credentials"},
      {".npmrc", "credentials"},
      {".netrc", "credentials"},
      {".pgpass", "credentials"},
      {".htpasswd", "credentials"},
      {"id_rsa", "a private key"},
      {"id_dsa", "a private key"},
      {"id_ecdsa", "a private key"},
      {"id_ed25519", "a private key"},
      {"*.key", "a private key"},
      {"*.p12", "a private key"},
      {"*.pfx", "a private key"},
      {"*.ppk", "a private key"},
      {"*.jks", "a key store"},
  };
  struct str rest = str_from(path), name;
  while (str_next(&rest, '/', &name))
    for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++)
      if (glob_fits(str_from(REFUSED[i].pattern), name)) return REFUSED[i].reason;
  return NULL;
}

bool scan_is_litter(const char *path) {
  static const char *const PATTERNS[] = {".DS_Store",  "._*",      "Thumbs.db",      "desktop.ini",
                                         ".gitignore", ".gitkeep", ".gitattributes", "*~",
                                         "#*#",        ".#*",      ".*.sw?"};
  const char *slash = strrchr(path, '/');
  for (size_t i = 0; i < sizeof(PATTERNS) / sizeof(PATTERNS[0]); i++)
    if (glob_fits(str_from(PATTERNS[i]), str_from(slash ? slash + 1 : path))) return true;
  return false;
}

static bool begins_private_key(struct str line) {
  return str_starts_with(line, STR("-----BEGIN ")) &&
         memmem(line.data, line.length, "PRIVATE KEY-----", strlen("PRIVATE KEY-----"));
}

/* True for what comes after the first line of a real key, not of a text about keys. */
static bool is_key_body(struct str line) {
  if (str_starts_with(line, STR("Proc-Type:"))) return true;
  for (size_t i = 0; i < line.length; i++) {
    unsigned char byte = (unsigned char)line.data[i];
    if (byte > 0x7F || (!isalnum(byte) && !strchr("+/=", byte))) return false;
  }
  return line.length >= KEY_LINE_LENGTH;
}

/* The text of RFC 7468: at the very start, or behind certificates and remarks. A script that
 * only mentions that text is not refused. */
const char *scan_refuses_content(struct str head) {
  static const char REASON[] = "a private key";
  struct str rest = head, line;
  bool first = true, expected = false;
  while (str_next(&rest, '\n', &line)) {
    if (line.length > 0 && line.data[line.length - 1] == '\r') line.length--;
    line = str_trim(line);
    if (line.length == 0) continue;
    bool begins = begins_private_key(line);
    if ((begins && first) || (expected && is_key_body(line))) return REASON;
    expected = begins;
    first = false;
  }
  return NULL;
}

static bool refuse(struct scan_walk *walk, const char *why) {
  return error_set(walk->error, ERROR_REFUSED, "%s/%s: %s", walk->root, buffer_text(&walk->path),
                   why);
}

static bool can_be_key(struct scan_walk *walk) {
  struct str path = buffer_str(&walk->path);
  if (!utf8_valid(path)) return refuse(walk, "a name that is not UTF-8 cannot be a key");
  if (path.length > SYNC_KEY_LENGTH_LIMIT)
    return refuse(walk, "longer than the 1024 bytes of a key");
  for (size_t i = 0; i < path.length; i++)
    if ((unsigned char)path.data[i] < ' ' || path.data[i] == 0x7F)
      return refuse(walk, "a name with a control character cannot be a key");
  return true;
}

static bool add_file(struct scan_walk *walk, const struct stat *status) {
  struct scan *scan = walk->scan;
  if (!can_be_key(walk)) return false;
  if (scan->count == SCAN_FILES_LIMIT) return refuse(walk, "more files than the 200000 allowed");
  struct scanned_file *files =
      arena_grow(walk->arena, scan->files, scan->count, &scan->capacity, sizeof(*files));
  if (!files) return error_set(walk->error, ERROR_MEMORY, "out of memory");
  scan->files = files;
  scan->files[scan->count++] = (struct scanned_file){
      .path = arena_copy(walk->arena, buffer_str(&walk->path)), .size = (uint64_t)status->st_size};
  return !walk->arena->failed || error_set(walk->error, ERROR_MEMORY, "out of memory");
}

/* A link may only lead to a file of the build itself. */
static bool add_link(struct scan_walk *walk, int folder, const char *name) {
  struct stat status;
  _cleanup_(buffer_free) struct buffer link = BUFFER_EMPTY;
  if (fstatat(folder, name, &status, 0) != 0 && (errno == ENOENT || errno == ELOOP))
    return refuse(walk, "a broken link: what it names is not there");
  buffer_append_format(&link, "%s/%s", walk->root, buffer_text(&walk->path));
  _cleanup_free_ char *target = realpath(buffer_text(&link), NULL);
  struct str root = str_from(walk->root);
  bool inside = target && str_starts_with(str_from(target), root) && target[root.length] == '/';
  if (!inside) return refuse(walk, "a link that leads out of the build folder");
  if (scan_refuses_name(target + root.length + 1))
    return refuse(walk, "a link to what must not be published");
  if (fstatat(folder, name, &status, 0) != 0 || !S_ISREG(status.st_mode))
    return refuse(walk, "a link to something that is not a file");
  return add_file(walk, &status);
}

static bool walk_folder(struct scan_walk *walk, int fd, unsigned depth);

static bool walk_entry(struct scan_walk *walk, int folder, const char *name, unsigned depth) {
  struct stat status;
  const char *path = buffer_text(&walk->path);
  if (walk->path.failed) return error_set(walk->error, ERROR_MEMORY, "out of memory");
  if (walk->skips && walk->skips(path, walk->argument)) return true;
  const char *reason = scan_refuses_name(name);
  if (reason) return refuse(walk, reason);
  if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
    return refuse(walk, strerror(errno));
  if (S_ISREG(status.st_mode)) return add_file(walk, &status);
  if (S_ISLNK(status.st_mode)) return add_link(walk, folder, name);
  if (!S_ISDIR(status.st_mode)) return refuse(walk, "neither a file nor a folder");
  if (depth == SCAN_DEPTH_LIMIT) return refuse(walk, "deeper than the 64 folders allowed");
  int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return refuse(walk, strerror(errno));
  return walk_folder(walk, fd, depth + 1);
}

/* Takes `fd` over. */
static bool walk_folder(struct scan_walk *walk, int fd, unsigned depth) {
  _cleanup_(close_folder) DIR *folder = fdopendir(fd);
  if (!folder) {
    close(fd);
    return error_set(walk->error, ERROR_MEMORY, "out of memory");
  }
  size_t length = walk->path.length;
  const struct dirent *entry;
  while (errno = 0, (entry = readdir(folder))) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (length > 0) buffer_append_char(&walk->path, '/');
    buffer_append_text(&walk->path, entry->d_name);
    if (!walk_entry(walk, dirfd(folder), entry->d_name, depth)) return false;
    walk->path.length = length;
  }
  return errno == 0 || refuse(walk, strerror(errno));
}

bool scan_folder(const char *folder, scan_skips skips, void *argument, struct arena *arena,
                 struct scan *ret_scan, struct error *error) {
  _cleanup_free_ char *root = realpath(folder, NULL);
  int fd = root ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (fd < 0)
    return error_set(error, ERROR_REFUSED, "there is no build folder %s: %s", folder,
                     strerror(errno));
  struct scan scan = {0};
  struct scan_walk walk = {.root = root,
                           .skips = skips,
                           .argument = argument,
                           .arena = arena,
                           .scan = &scan,
                           .error = error};
  bool walked = walk_folder(&walk, fd, 0);
  buffer_free(&walk.path);
  if (walked && scan.count == 0)
    walked = error_set(error, ERROR_REFUSED, "the build folder %s is empty", folder);
  if (!walked) return false;
  keyed_sort(scan.files, scan.count, sizeof(scan.files[0]));
  *ret_scan = scan;
  return true;
}
