/* sync_options.h: what `cruddur sync` was asked for: its flags, sync.env, sync.conf and the
 * environment, which wins over sync.env. */
#pragma once

#include "commands/flags.h"

#include "lib/base/config.h"
#include "lib/sync/run.h"

enum sync_verb {
  SYNC_VERB_SYNC,
  SYNC_VERB_PLAN,
  SYNC_VERB_APPLY,
  SYNC_VERB_ROLLBACK,
  SYNC_VERB_RELEASES
};

enum { SYNC_PATTERNS_LIMIT = 256 };

struct sync_options {
  enum sync_verb verb;
  struct config config;
  struct sync_settings settings;
  const char *changeset_path; /* written by plan, read by apply */
  uint64_t release;           /* rollback to; 0: the one before */
  bool dry_run, yes, json;
  bool has_build_folder; /* --build-dir was given */
  bool silent[SYNC_ACTIONS];
  struct arena arena; /* holds the rules and the texts made here */
  const char *patterns[SYNC_PATTERNS_LIMIT];
};

/* The flags, for the subcommand's table. */
extern const struct flag sync_options_flags[];

/* Reads everything. False: --help was printed or something was wrong (said so): end with
 * `*reterr_code`. */
bool sync_options_read(struct sync_options *options, int argc, char **argv, int *reterr_code);

/* True when bucket, prefix and distribution are well-formed. */
bool sync_options_check_place(const struct sync_settings *settings);
