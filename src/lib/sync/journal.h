/* journal.h: what a sync writes into the bucket before its first change and takes away at its end:
 * <prefix>.cruddur/journal.json. A run that finds one knows that an earlier run was cut off, and
 * takes over what that one owes: the paths to invalidate. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"
#include "lib/sync/arena.h"
#include "lib/sync/invalidation.h"

enum { JOURNAL_SIZE_LIMIT = 16 * 1024 * 1024 };

struct journal {
  const char *id;                    /* of the changeset */
  const char *target;                /* stands for what the bucket was to become */
  struct invalidation_paths changed; /* to be invalidated before the deletions */
  struct invalidation_paths deleted; /* and after them */
};

/* Reads the JSON text; the texts are put into `arena`. Fails as ERROR_INVALID for anything else. */
bool journal_parse(struct str text, struct arena *arena, struct journal *ret_journal,
                   struct error *error);

/* Appends the JSON text. */
void journal_write(const struct journal *journal, struct buffer *output);

/* Takes over what an earlier run owes: its paths beside this one's, and its id where this run has
 * nothing of its own to upload and has the same target, so that what was paid for already is not
 * paid for again. `had_uploads` tells whether this run writes objects. False when memory is out. */
bool journal_inherit(struct journal *journal, const struct journal *earlier, bool has_uploads,
                     struct arena *arena);

void journal_free(struct journal *journal);
