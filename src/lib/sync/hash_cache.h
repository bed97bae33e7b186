/* hash_cache.h: what files hash to, remembered from one sync to the next, so that files that did
 * not change are not read again. A file counts as unchanged when size, both times and inode are
 * what they were; the change time cannot be set back by a program. */
#pragma once

#include "lib/sync/compress.h"
#include "lib/sync/digest.h"
#include "lib/sync/scan.h"

struct hash_entry {
  const char *path;
  enum sync_variant variant;
  uint64_t size;
  int64_t modified_ns, changed_ns;
  uint64_t inode;
  uint64_t body_size; /* of the variant's bytes */
  bool useless;       /* the variant is not smaller than the file: there is none */
  char md5[DIGEST_MD5_SIZE];
};

struct hash_cache {
  struct arena arena;
  struct hash_entry *entries; /* sorted by path and variant */
  size_t count, capacity;
};

/* Reads the file at `path`. A file that is missing or damaged is an empty cache. */
void hash_cache_load(struct hash_cache *cache, const char *path);

/* What is known of `file`'s variant; NULL when nothing is, or the file has changed. */
const struct hash_entry *hash_cache_find(const struct hash_cache *cache,
                                         const struct scanned_file *file,
                                         enum sync_variant variant);

/* Adds an entry at the end; for a cache that is filled in order and saved. */
void hash_cache_add(struct hash_cache *cache, const struct hash_entry *entry);

/* Writes the file at `path` anew, folders included, by a rename. Files that changed less than two
 * seconds before `now_ns` (of UTC since 1970) are left out: their times could stay the same while
 * they change. What cannot be written is not kept: a cache is no loss. */
void hash_cache_save(const struct hash_cache *cache, const char *path, int64_t now_ns);

void hash_cache_free(struct hash_cache *cache);
