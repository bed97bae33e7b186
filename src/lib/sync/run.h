/* run.h: one run of a sync: what it was asked for, its loop and client, and what it found out. The
 * steps (survey, apply, rollback) are blocking functions: each drives the loop until what it
 * started has ended, with many requests side by side where that helps. */
#pragma once

#include "lib/aws/aws_client.h"
#include "lib/aws/services/s3.h"
#include "lib/sync/changeset.h"

struct sync_settings {
  const char *bucket;
  const char *prefix;       /* "" or ends in '/' */
  const char *distribution; /* ""; nothing is invalidated */
  const char *build_folder;
  const char *cache_path; /* NULL: no hash cache */
  bool strip_html;
  bool origin_is_prefix; /* the distribution's origin path covers the prefix */
  struct sync_ignore ignore;
  struct sync_rules rules;
  uint64_t keep_releases;
  int64_t keep_days;
  const char *max_delete; /* "12", "30%"; NULL: the default */
  unsigned jobs;
  bool wait;
};

/* How far a step is. */
struct sync_progress {
  const char *what; /* "uploading", "deleting", … */
  size_t done, failed, total;
  uint64_t bytes, total_bytes;
};

/* Who is told what happens; either function may be NULL. */
struct sync_observer {
  void (*notice)(const char *sentence, void *argument);
  void (*progress)(const struct sync_progress *progress, void *argument);
  void *argument;
};

/* What was done, for the last line. */
struct sync_counts {
  size_t uploaded, copied, deleted, failed, invalidated;
  uint64_t bytes;
};

struct sync_run {
  struct sync_settings settings;
  struct sync_observer observer;
  struct aws_session aws;
  struct s3_bucket bucket;
  struct arena arena;

  struct sync_build build;
  struct remote remote;
  struct manifest manifest;
  bool has_manifest;
  struct journal earlier; /* of a run that was cut off */
  bool has_earlier;
  struct sync_plan plan;
  struct journal journal;       /* of this run */
  uint64_t restored;            /* a rollback: the release whose pages come back; else 0 */
  const char **restored_assets; /* the assets of that release; in the arena */
  size_t restored_asset_count;
  size_t asked; /* objects that HEAD was sent for */
  struct sync_counts counts;
};

/* Prepares `run`, which is zeroed but for settings and observer; `config` has CONFIG_AWS and must
 * outlive it. */
bool run_open(struct sync_run *run, const struct config *config, struct error *error);

/* Lets go of everything. Takes a run that was not opened, or not wholly. */
void run_close(struct sync_run *run);

/* Drives the loop until `*done`. */
void run_until(struct sync_run *run, const bool *done);

/* Drives the loop for so many milliseconds. */
void run_pause(struct sync_run *run, uint64_t ms);

/* Tells the observer, with a printf-style sentence. */
void run_notice(const struct sync_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void run_progress(const struct sync_run *run, const struct sync_progress *progress);

/* The key of the sync's own object `name` ("manifest.json"), in the arena. */
const char *run_state_key(struct sync_run *run, const char *name);

/* Reads an object into `body`; `*ret_found` is false when there is none. */
bool run_get(struct sync_run *run, const char *key, size_t limit, struct buffer *body,
             bool *ret_found, struct error *error);

/* Writes a JSON object of the sync's own, which no cache keeps. */
bool run_put(struct sync_run *run, const char *key, struct str body, struct error *error);
