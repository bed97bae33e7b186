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
  struct scanned_file *files; /* sorted by the bytes of their paths; from malloc */
  size_t count, capacity;
};

/* True when the file at `path` is not to be published: it is left out of the scan, whatever it is.
 */
typedef bool (*scan_skips)(const char *path, void *argument);

/* Lists the regular files below `folder`, dotfiles included; `arena` holds the paths. A link to a
 * file counts when it stays within the folder. Fails as ERROR_NOT_FOUND when there is no folder and
 * as ERROR_CONFLICT when the guards refuse: no file at all, a file that holds secrets by its name
 * (.env, .git, keys, …), a name that cannot be a key (not UTF-8, control characters, too long), a
 * link out of the folder, or what is no file. */
bool scan_folder(const char *folder, scan_skips skips, void *argument, struct arena *arena,
                 struct scan *ret_scan, struct error *error);

void scan_free(struct scan *scan);

/* Why the file at `path` must not be published, by its name; NULL: nothing against it. */
const char *scan_refuses_name(const char *path);

/* Why a file that begins with `head` must not be published; NULL: nothing against it. */
const char *scan_refuses_content(struct str head);
