/* journal.h: what a sync owes to the caches: which paths CloudFront must forget. A run writes it
 * into the bucket (.cruddur/journal.json) before its first change and deletes it at its end. A run
 * that finds one knows that an earlier run was cut off, and pays what that one owed. It also says
 * which objects the run writes, so that they are known as ours before the manifest names them. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"
#include "lib/sync/arena.h"

enum { JOURNAL_SIZE_LIMIT = 64 * 1024 * 1024, JOURNAL_PATHS_LIMIT = 3000 };

/* Paths as CloudFront wants them (see plan/paths.h). */
struct journal_paths {
  const char **paths;
  size_t count, capacity;
};

/* An object that the run writes. */
struct journal_write {
  const char *key; /* first, for keyed.h */
  const char *md5;
  const char *before; /* the ETag of what a stranger had there; "": nothing, or what is ours */
};

struct journal {
  const char *id;               /* of the changeset */
  const char *target;           /* stands for what the bucket is to become */
  struct journal_paths changed; /* to be invalidated before the deletions */
  struct journal_paths deleted; /* and after them */
  struct journal_write *writes; /* sorted by key */
  size_t write_count;
  uint64_t restored; /* a rollback: the release whose pages come back; 0: a deploy */
};

/* Adds a path, which the arena holds already; false when memory is out. */
bool journal_add_path(struct journal_paths *paths, struct arena *arena, const char *path);

/* What the run of `journal` writes with that key; NULL: nothing. */
const struct journal_write *journal_find(const struct journal *journal, const char *key);

/* Reads the JSON text into `arena`. Fails as ERROR_INVALID for anything else, and for a list of
 * more than JOURNAL_PATHS_LIMIT paths. */
bool journal_parse(struct str text, struct arena *arena, struct journal *ret_journal,
                   struct error *error);

/* Appends the JSON text. */
void journal_write(const struct journal *journal, struct buffer *output);
