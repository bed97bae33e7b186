/* sync_options.h: what `cruddur sync` was asked for: its flags, sync.env, sync.conf and the
 * environment, which wins over sync.env. */
#pragma once

#include "commands/flags.h"

#include "lib/base/config.h"
#include "lib/sync/plan/guard.h"

enum sync_verb {
  SYNC_VERB_SYNC,
  SYNC_VERB_PLAN,
  SYNC_VERB_APPLY,
  SYNC_VERB_ROLLBACK,
  SYNC_VERB_RELEASES,
  SYNC_VERB_FORGET
};

enum { SYNC_PATTERNS_LIMIT = 256 };

struct sync_settings {
  const char *bucket;
  const char *prefix;       /* "" or ends in '/' */
  const char *distribution; /* "": nothing is invalidated */
  const char *build_folder;
  const char *preview; /* its name; NULL: the site itself */
  int64_t preview_days;
  bool strip_html;
  bool origin_is_prefix; /* the distribution's origin path covers the prefix */
  struct sync_ignore ignore;
  struct sync_rules rules;
  uint64_t keep_releases;
  int64_t keep_days;
  struct guard_limit max_delete;
  bool allow_missing_index;
  unsigned jobs;
  struct sync_storage storage;
  const char *message;  /* for the list of releases; NULL: none */
  bool wait;            /* until the invalidation is complete */
  uint64_t lock_wait_s; /* for another run to end */
};

struct sync_options {
  enum sync_verb verb;
  struct config config;
  struct sync_settings settings;
  const char *changeset_path;               /* written by plan, read by apply */
  uint64_t release;                         /* rollback to; 0: the one before */
  const char *paths[1 + FLAGS_WORDS_LIMIT]; /* of forget */
  size_t path_count;
  bool dry_run, yes, json;
  bool has_build_folder; /* --build-dir was given */
  bool silent[SYNC_ACTIONS];
  struct arena arena; /* holds the rules and the texts made here */
  const char *patterns[SYNC_PATTERNS_LIMIT];
};

/* The flags, for the subcommand's table. */
extern const struct flag sync_options_flags[];

/* Reads everything, for the subcommand `command`. False: --help was printed or something was wrong
 * (said so): end with
 * `*reterr_code`. */
bool sync_options_read(struct sync_options *options, const struct subcommand *command, int argc,
                       char **argv, int *reterr_code);

/* True when bucket, prefix and distribution are well-formed. */
bool sync_options_check_place(const struct sync_settings *settings);
