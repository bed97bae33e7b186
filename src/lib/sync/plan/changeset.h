/* changeset.h: a plan as a file: written to be read by people and programs, kept, and applied
 * later, as long as the bucket and the build are still what it was made from. */
#pragma once

#include "lib/sync/plan/sync_plan.h"

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
  const char *key; /* first, for keyed.h */
  const char *action;
  const char *md5;            /* of what it becomes; "" when it goes */
  const char *headers_digest; /* likewise */
  const char *before;         /* the ETag that the bucket must have; "": no such object */
};

/* Makes a new id from the clock and the kernel's random numbers. */
void changeset_new_id(char ret_id[CHANGESET_ID_SIZE]);

/* Appends the JSON text. The plan has its journal: the id, and the paths to invalidate. */
void changeset_write(const struct sync_plan *plan, const char *distribution,
                     const char *build_folder, int64_t created_s, struct buffer *output);

/* Reads the JSON text into `arena`. Fails as ERROR_INVALID when it is not a changeset. */
bool changeset_parse(struct str text, struct arena *arena, struct changeset *ret_changeset,
                     struct error *error);

/* Checks that `now` does to the same objects what `shown` did, which people have said yes to. Fails
 * as ERROR_REFUSED, naming the first key that differs. */
bool changeset_agrees(const struct sync_plan *shown, const struct sync_plan *now,
                      struct error *error);

/* Checks that applying `plan`, which was made just now, does what the changeset says. Each change
 * of the plan must be in the changeset, with the same state before and after. Each change of the
 * changeset that the plan does not have must be done already, as after a run that was cut off.
 * Otherwise fails as ERROR_REFUSED, naming the first key that differs and how many do. */
bool changeset_check(const struct changeset *changeset, const struct sync_plan *plan,
                     struct error *error);
