/* fuzz_hash_cache.c: the hashes that a sync remembers in a file, which somebody may have damaged.
 */
#include "fuzz.h"

#include "lib/base/cleanup.h"
#include "lib/sync/hash_cache.h"

#include <sys/mman.h>

static void check(const struct hash_cache *cache) {
  for (size_t i = 0; i < cache->count; i++) {
    const struct hash_entry *entry = &cache->entries[i];
    struct scanned_file file = {.path = entry->path,
                                .size = entry->size,
                                .modified_ns = entry->modified_ns,
                                .changed_ns = entry->changed_ns,
                                .inode = entry->inode};
    assert(*entry->path && strlen(entry->md5) == DIGEST_MD5_SIZE - 1);
    assert(hash_cache_find(cache, &file, entry->variant) == entry);
    file.inode++;
    assert(!hash_cache_find(cache, &file, entry->variant));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  _cleanup_close_ int fd = memfd_create("cache", MFD_CLOEXEC);
  struct hash_cache cache;
  char path[64];
  if (fd < 0 || write(fd, data, size) != (ssize_t)size) return 0;
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  hash_cache_load(&cache, path);
  check(&cache);
  hash_cache_free(&cache);
  return 0;
}
