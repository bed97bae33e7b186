/* hash_cache.c: see hash_cache.h. The file is text: a line a variant, the path last. */
#include "lib/sync/hash_cache.h"

#include "lib/base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char FIRST_LINE[] = "cruddur hash cache 1\n";
enum { LINE_LENGTH_LIMIT = 2048 };
static const int64_t RACY_NS = 2000000000;

static int compare_key(const char *path_a, enum sync_variant variant_a, const char *path_b,
                       enum sync_variant variant_b) {
  int order = strcmp(path_a, path_b);
  return order != 0 ? order : (int)variant_a - (int)variant_b;
}

void hash_cache_add(struct hash_cache *cache, const struct hash_entry *entry) {
  if (cache->count == cache->capacity) {
    size_t capacity = cache->capacity ? cache->capacity * 2 : 256;
    struct hash_entry *entries = realloc(cache->entries, capacity * sizeof(*entries));
    if (!entries) return;
    cache->entries = entries;
    cache->capacity = capacity;
  }
  if (!cache->entries) return;
  cache->entries[cache->count] = *entry;
  cache->entries[cache->count].path = arena_copy(&cache->arena, str_from(entry->path));
  if (!cache->arena.failed) cache->count++;
}

/* Cuts the number at `*text` and the space behind it off. */
static bool take_number(const char **text, uint64_t *ret_number) {
  char *end = NULL;
  if (**text < '0' || **text > '9') return false;
  errno = 0;
  *ret_number = strtoull(*text, &end, 10);
  if (errno || *end != ' ') return false;
  *text = end + 1;
  return true;
}

static bool take_md5(const char **text, char md5[DIGEST_MD5_SIZE]) {
  size_t length = strspn(*text, "0123456789abcdef");
  if (length != DIGEST_MD5_SIZE - 1 || (*text)[length] != ' ') return false;
  memcpy(md5, *text, length);
  md5[length] = '\0';
  *text += length + 1;
  return true;
}

static bool parse_line(const char *line, struct hash_entry *entry) {
  enum { SIZE, MODIFIED, CHANGED, INODE, VARIANT, USELESS, BODY_SIZE, NUMBERS };
  uint64_t numbers[NUMBERS];
  for (int i = 0; i < NUMBERS; i++)
    if (!take_number(&line, &numbers[i])) return false;
  if (numbers[VARIANT] >= SYNC_VARIANTS || !take_md5(&line, entry->md5)) return false;
  entry->size = numbers[SIZE];
  entry->modified_ns = (int64_t)numbers[MODIFIED];
  entry->changed_ns = (int64_t)numbers[CHANGED];
  entry->inode = numbers[INODE];
  entry->variant = (enum sync_variant)numbers[VARIANT];
  entry->useless = numbers[USELESS] != 0;
  entry->body_size = numbers[BODY_SIZE];
  entry->path = line;
  return *entry->path != '\0';
}

void hash_cache_load(struct hash_cache *cache, const char *path) {
  *cache = (struct hash_cache){0};
  _cleanup_fclose_ FILE *file = fopen(path, "re");
  char line[LINE_LENGTH_LIMIT];
  if (!file || !fgets(line, sizeof(line), file) || strcmp(line, FIRST_LINE) != 0) return;
  while (fgets(line, sizeof(line), file)) {
    struct hash_entry entry = {0};
    char *end = strchr(line, '\n');
    if (!end) break;
    *end = '\0';
    const struct hash_entry *last = cache->count > 0 ? &cache->entries[cache->count - 1] : NULL;
    if (!parse_line(line, &entry) ||
        (last && compare_key(last->path, last->variant, entry.path, entry.variant) >= 0))
      break; /* damaged from here on */
    hash_cache_add(cache, &entry);
  }
}

const struct hash_entry *hash_cache_find(const struct hash_cache *cache,
                                         const struct scanned_file *file,
                                         enum sync_variant variant) {
  size_t low = 0, high = cache->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const struct hash_entry *entry = &cache->entries[middle];
    int order = compare_key(entry->path, entry->variant, file->path, variant);
    if (order == 0)
      return entry->size == file->size && entry->modified_ns == file->modified_ns &&
                     entry->changed_ns == file->changed_ns && entry->inode == file->inode
                 ? entry
                 : NULL;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

/* Makes the folders that `path` lies in. */
static void make_folders(const char *path) {
  _cleanup_free_ char *copy = strdup(path);
  if (!copy) return;
  for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(copy, 0700);
    *slash = '/';
  }
}

void hash_cache_save(const struct hash_cache *cache, const char *path, int64_t now_ns) {
  _cleanup_(buffer_free) struct buffer temporary = BUFFER_EMPTY;
  buffer_append_format(&temporary, "%s.%ld", path, (long)getpid());
  make_folders(path);
  FILE *file = fopen(buffer_text(&temporary), "we");
  if (!file) return;
  fputs(FIRST_LINE, file);
  for (size_t i = 0; i < cache->count; i++) {
    const struct hash_entry *entry = &cache->entries[i];
    if (entry->modified_ns < 0 || entry->changed_ns < 0) continue; /* before 1970 */
    if (entry->changed_ns > now_ns - RACY_NS || entry->modified_ns > now_ns - RACY_NS) continue;
    fprintf(file, "%" PRIu64 " %" PRId64 " %" PRId64 " %" PRIu64 " %u %u %" PRIu64 " %s %s\n",
            entry->size, entry->modified_ns, entry->changed_ns, entry->inode,
            (unsigned)entry->variant, entry->useless ? 1U : 0U, entry->body_size, entry->md5,
            entry->path);
  }
  bool written = !ferror(file);
  if (fclose(file) != 0 || !written || rename(buffer_text(&temporary), path) != 0)
    unlink(buffer_text(&temporary));
}

void hash_cache_free(struct hash_cache *cache) {
  free(cache->entries);
  arena_free(&cache->arena);
  *cache = (struct hash_cache){0};
}
