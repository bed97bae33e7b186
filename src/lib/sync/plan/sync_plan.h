/* sync_plan.h: what has to change so that the bucket holds the build: a comparison of the two,
 * without I/O. */
#pragma once

#include "lib/sync/have/bucket.h"
#include "lib/sync/want/build.h"

enum sync_action {
  SYNC_CREATE,
  SYNC_UPDATE,
  SYNC_HEADERS, /* the content is right, the headers are not: a copy onto itself */
  SYNC_DELETE,
  SYNC_KEEP,    /* an asset of an earlier release, kept for the tabs that are still open */
  SYNC_IGNORE,  /* kept out by the ignore list: neither uploaded nor deleted */
  SYNC_FOREIGN, /* somebody else put it there: no sync may delete it unasked */
  SYNC_NO_CHANGE,
  SYNC_ACTIONS
};

/* "create", "update", "headers", "delete", "keep", "ignore", "foreign",
 * "no_change". */
const char *sync_plan_action_name(enum sync_action action);

struct sync_change {
  const char *key; /* first, for keyed.h */
  enum sync_action action;
  enum sync_class class;
  const struct sync_object *object;   /* what it becomes; NULL for the actions from DELETE on */
  const struct bucket_object *before; /* what the bucket holds; NULL: nothing */
  const char *copy_source;            /* of a rollback: the key it is copied from; else NULL */
  bool expired;                       /* of a preview that is too old */
  bool foreign; /* nobody knows that a sync of ours wrote what the bucket holds */
};

struct sync_plan_options {
  struct sync_ignore ignore;
  bool delete_foreign;            /* what strangers put there goes as well */
  const struct sync_rules *rules; /* which names are hashed; NULL: what the names alone say */
  uint64_t keep_releases;         /* the assets of so many earlier releases are kept, … */
  int64_t keep_days;              /* … and those that were in use within so many days */
  int64_t now_s;                  /* seconds of UTC since 1970 */
  struct build_origin origin;     /* of the build */
  int64_t preview_days;           /* previews that are older are deleted */
};

/* A plan, made from a build and a bucket, which must outlive it. */
struct sync_plan {
  const struct sync_build *build;
  const struct sync_bucket *bucket;
  uint64_t keep_releases;
  uint64_t restored; /* a rollback: the release whose pages come back; 0: a deploy */
  struct build_origin origin;

  struct sync_change *changes; /* sorted by key, each key once; without NO_CHANGE */
  size_t count, capacity;
  size_t counts[SYNC_ACTIONS];
  size_t managed; /* objects that the guard of deletions counts, changed or not (guard.h) */
  uint64_t upload_bytes;

  struct journal journal; /* what it owes to the caches; made by paths_plan_journal() */
};

/* Compares; the result is in `arena`. Fails when memory is out. */
bool sync_plan_make(const struct sync_build *build, const struct sync_bucket *bucket,
                    const struct sync_plan_options *options, struct arena *arena,
                    struct sync_plan *ret_plan, struct error *error);

/* Asserts what holds for every plan: each key has one change, which fits what the bucket holds and
 * what the build wants; no key is the sync's own; the counts add up. Called where a plan is made
 * and where it is applied. */
void sync_plan_check(const struct sync_plan *plan);

/* Appends a change and counts it; false when memory is out. */
bool sync_plan_add(struct sync_plan *plan, struct arena *arena, const struct sync_change *change);

/* The change of that key; NULL: there is nothing to change. */
const struct sync_change *sync_plan_find(const struct sync_plan *plan, const char *key);

/* What an object is that is in the bucket only: as the manifest knows it, else by its key. */
enum sync_class sync_plan_class_of_key(const struct sync_bucket *bucket, const char *key);

/* True when the plan changes objects. */
bool sync_plan_has_changes(const struct sync_plan *plan);

/* True when there is something to apply: changes, or what a run that was cut off still owes. */
bool sync_plan_has_work(const struct sync_plan *plan);
