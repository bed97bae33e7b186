/* plan.h: what has to change so that the bucket holds the build: pure comparison, no I/O. */
#pragma once

#include "lib/sync/build.h"
#include "lib/sync/manifest.h"
#include "lib/sync/remote.h"

enum sync_action {
  SYNC_CREATE,
  SYNC_UPDATE,
  SYNC_HEADERS, /* the content is right, the headers are not: a copy onto itself */
  SYNC_DELETE,
  SYNC_KEEP,   /* an asset of an earlier release, kept for the tabs that are still open */
  SYNC_IGNORE, /* kept out by the ignore list: neither uploaded nor deleted */
  SYNC_NO_CHANGE,
  SYNC_ACTIONS
};

/* "create", "update", "headers", "delete", "keep", "ignore", "no_change". */
const char *sync_plan_action_name(enum sync_action action);

struct sync_change {
  enum sync_action action;
  enum sync_class class;
  const char *key;
  const struct sync_object *object;   /* what it becomes; NULL for DELETE, KEEP, IGNORE */
  const struct remote_object *before; /* what the bucket holds; NULL: nothing */
  const char *copy_source;            /* a rollback's: the key it is copied from; else NULL */
};

struct plan_options {
  const char *prefix;
  struct sync_ignore ignore;
  const struct sync_rules *rules; /* which names are hashed; NULL: what the names alone say */
  uint64_t keep_releases;         /* assets of so many earlier releases are kept */
  int64_t keep_days;              /* and those that were of use within so many days */
  int64_t now_s;
};

struct sync_plan {
  struct sync_change *changes; /* sorted by key; from malloc */
  size_t count, capacity;
  size_t counts[SYNC_ACTIONS];
  size_t managed; /* objects of the bucket that this sync may delete, changed or not */
  uint64_t upload_bytes;
};

/* True when the list of the bucket and the manifest do not tell whether `remote` is what `object`
 * says, so that it has to be asked for by HEAD. */
bool sync_plan_must_ask(const struct sync_object *object, const struct remote_object *remote,
                        const struct manifest *manifest);

/* Compares. Everything given must outlive the plan. Fails when memory is out. */
bool sync_plan_make(const struct sync_build *build, const struct remote *remote,
                    const struct manifest *manifest, const struct plan_options *options,
                    struct sync_plan *ret_plan, struct error *error);

/* True when the bucket's `object` still is as the manifest notes it. */
bool sync_plan_is_known(const struct known_object *known, const struct remote_object *object);

/* What an object that is only in the bucket is, by its key. */
enum sync_class sync_plan_class_of_key(const char *key);

/* True when the plan changes anything. */
bool sync_plan_has_work(const struct sync_plan *plan);

/* Appends a change and counts it; false when memory is out. */
bool sync_plan_add(struct sync_plan *plan, const struct sync_change *change);

/* The change of that key; NULL: none is planned, or there is nothing to change. */
const struct sync_change *sync_plan_find(const struct sync_plan *plan, const char *key);

/* "12" or "30%": how many of `managed` objects may be deleted at once. NULL: half of them, but
 * always twenty. False when `text` is neither. */
bool sync_plan_delete_limit(const char *text, size_t managed, size_t *ret_limit);

void sync_plan_free(struct sync_plan *plan);
