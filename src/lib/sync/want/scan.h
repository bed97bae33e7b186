/* scan.h: the files of the build folder, without reading them, and the names that must never be
 * published. */
#pragma once

#include "lib/base/error.h"
#include "lib/sync/arena.h"

#include <stdint.h>

enum { SCAN_FILES_LIMIT = 200000, SCAN_DEPTH_LIMIT = 64, SYNC_KEY_LENGTH_LIMIT = 1024 };

struct scanned_file {
  const char *path; /* below the folder */
  uint64_t size;
};

struct scan {
  struct scanned_file *files; /* sorted by the bytes of their paths */
  size_t count, capacity;
};

/* Says whether the file or folder at `path` is left out of the scan, whatever it is. */
typedef bool (*scan_skips)(const char *path, void *argument);

/* Lists the regular files below `folder`, dotfiles included; `arena` holds the result. A link to a
 * file counts as that file when it stays within the folder. Fails as ERROR_REFUSED when a guard
 * says no: there is no such folder, or no file in it; a file has the name of a secret (.env, .git,
 * keys, …); a name cannot be a key (not UTF-8, control characters, too long); a link leads out of
 * the folder; or something is neither file, folder nor link. */
bool scan_folder(const char *folder, scan_skips skips, void *argument, struct arena *arena,
                 struct scan *ret_scan, struct error *error);

/* True for what nobody means to publish: what file managers, Git and editors leave beside files. */
bool scan_is_litter(const char *path);

/* Says why the file at `path` must not be published, by its name; NULL: it may be. */
const char *scan_refuses_name(const char *path);

/* Says why a file that begins with `head` must not be published; NULL: it may be. */
const char *scan_refuses_content(struct str head);
