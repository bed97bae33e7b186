/* build.h: what the bucket should hold: every file of the build folder as an object with its key,
 * its checksum and its headers. */
#pragma once

#include "lib/sync/place.h"
#include "lib/sync/want/rules.h"

static const uint64_t SYNC_FILE_SIZE_LIMIT = (uint64_t)1 << 30;

struct sync_object {
  const char *key;  /* with the prefix; first, for keyed.h */
  const char *path; /* of its file, below the build folder */
  uint64_t size;
  enum sync_class class;
  struct object_headers headers;
  char md5[DIGEST_MD5_SIZE]; /* of the content */
};

struct sync_build {
  const char *folder;
  struct sync_object *objects; /* sorted by key, each key once */
  size_t count;
  const char **ignored; /* keys that the ignore list keeps out, sorted, each once */
  size_t ignored_count, ignored_capacity;
  const char **needed; /* of a rollback: assets that its pages need and that are not written */
  size_t needed_count;
};

/* Patterns of what is neither uploaded nor deleted. Each is compared with the path below the build
 * folder and with the key without the prefix. */
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
bool build_ignores(const struct sync_ignore *ignore, const char *name);

/* The key (without prefix) of the file at `path`. With `strip_html` about.html becomes about, but
 * the top index.html keeps its name, as with the aws_s3_website_sync gem. In `arena`. */
const char *build_key(struct arena *arena, const char *path, bool strip_html);

/* Scans and hashes the folder; the result is in `arena`. Fails as scan_folder() does, and as
 * ERROR_REFUSED for two files with one key, for a private key, and for a file over
 * SYNC_FILE_SIZE_LIMIT. */
bool build_load(const struct build_options *options, struct arena *arena,
                struct sync_build *ret_build, struct error *error);

/* Reads what the bundler left in the folder about its names: its lists of hashed files go into
 * `list`, in `arena`. A list that is not there or cannot be read lists nothing. */
void build_read_lists(const char *folder, struct arena *arena, struct hashed_list *list);

/* The object with that key; NULL: there is none. */
const struct sync_object *build_find(const struct sync_build *build, const char *key);

/* Reads the file of `object` into `body`. Fails as ERROR_CONFLICT when its checksum is not that of
 * the build: the file has changed since. */
bool build_read(const struct sync_build *build, const struct sync_object *object,
                struct buffer *body, struct error *error);
