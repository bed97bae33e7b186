/* changeset.h: a plan as a file: written to be read by people and programs, kept, and applied
 * later, as long as the bucket and the build are still what it was made from. */
#pragma once

#include "lib/sync/journal.h"
#include "lib/sync/plan.h"

enum { CHANGESET_SIZE_LIMIT = 256 * 1024 * 1024, CHANGESET_ID_SIZE = 25 };

/* Where a changeset belongs. */
struct changeset_place {
  const char *bucket, *prefix, *distribution, *build_folder;
};

/* A changeset as it is read. */
struct changeset {
  const char *id;
  const char *target;
  struct changeset_place place;
  struct changeset_item *items; /* sorted by key */
  size_t count;
};

struct changeset_item {
  const char *action;
  const char *key;
  const char *md5;            /* of what it becomes; "" when it goes */
  const char *headers_digest; /* likewise */
  const char *before;         /* the ETag that the bucket must have; "": no such object */
};

/* Makes a new id from the clock and the kernel's random numbers. */
void changeset_new_id(char ret_id[CHANGESET_ID_SIZE]);

/* Appends the JSON text. The journal has id, target and the paths to invalidate. */
void changeset_write(const struct changeset_place *place, const struct journal *journal,
                     const struct sync_plan *plan, int64_t created_s, struct buffer *output);

/* Reads the JSON text; everything is put into `arena`. Fails as ERROR_INVALID when it is no
 * changeset. */
bool changeset_parse(struct str text, struct arena *arena, struct changeset *ret_changeset,
                     struct error *error);

/* Checks that applying `plan`, which was made just now, does what the changeset says: each change
 * of the plan is in it, with the same state before and after; each change of it that the plan does
 * not have is done already, as after a run that was cut off. Otherwise fails as ERROR_CONFLICT,
 * naming the first key that differs and how many do. */
bool changeset_check(const struct changeset *changeset, const struct sync_plan *plan,
                     const struct sync_build *build, const struct remote *remote,
                     struct error *error);
