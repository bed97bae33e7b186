/* build.h: what the bucket should hold: every file of the build folder as an object with its key,
 * its checksum and its headers. */
#pragma once

#include "lib/sync/rules.h"
#include "lib/sync/scan.h"

/* Objects below this (after the prefix) are the sync's own: releases, journal, copies of pages. */
#define SYNC_STATE_FOLDER ".cruddur/"

static const uint64_t SYNC_FILE_SIZE_LIMIT = (uint64_t)1 << 30;

struct sync_object {
  const char *key;  /* with the prefix */
  const char *path; /* of its file, below the build folder */
  uint64_t size;
  enum sync_class class;
  struct sync_headers headers;
  char md5[DIGEST_MD5_SIZE]; /* of the content */
};

struct sync_build {
  struct sync_object *objects; /* sorted by key; from malloc */
  size_t count, capacity;
  const char **ignored; /* keys that the ignore list keeps out, unsorted; from malloc */
  size_t ignored_count, ignored_capacity;
};

/* Patterns of what is neither uploaded nor deleted; each is held against the path below the build
 * folder and against the key without the prefix. */
struct sync_ignore {
  const char *const *patterns;
  size_t count;
};

struct build_options {
  const char *folder;
  const char *prefix; /* "" or ends in '/' */
  bool strip_html;
  struct sync_ignore ignore;
  const struct sync_rules *rules;
};

/* True when a pattern of `ignore` fits `name`. */
bool sync_ignores(const struct sync_ignore *ignore, const char *name);

/* The key (without prefix) of the file at `path`: about.html becomes about where `strip_html`, but
 * index.html at the top stays, as the gem had it. In `arena`. */
const char *build_key(struct arena *arena, const char *path, bool strip_html);

/* Scans and hashes the folder. Fails as scan_folder() does, and as ERROR_CONFLICT for two files
 * with one key, for a private key and for a file over SYNC_FILE_SIZE_LIMIT. */
bool build_load(const struct build_options *options, struct arena *arena,
                struct sync_build *ret_build, struct error *error);

/* The object with that key; NULL: none. */
const struct sync_object *build_find(const struct sync_build *build, const char *key);

/* Reads the bytes of `object` into `body`; they must have the checksum of the build, else
 * ERROR_CONFLICT: the file has changed since. */
bool build_read(const char *folder, const struct sync_object *object, struct buffer *body,
                struct error *error);

void build_free(struct sync_build *build);
