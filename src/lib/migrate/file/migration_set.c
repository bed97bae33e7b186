/* migration_set.c: see migration_set.h. */
#include "lib/migrate/file/migration_set.h"

#include "lib/base/buffer.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_entries(const void *a, const void *b) {
  const struct migration *const *x = a, *const *y = b;
  return version_compare(&(*x)->version, &(*y)->version);
}

static bool add(struct migration_set *set, const char *path, struct str text,
                const struct migrate_reporter *reporter, struct error *error) {
  if (set->count == MIGRATION_COUNT_MAX)
    return error_set(error, ERROR_CONFLICT, "more than %d migrations", MIGRATION_COUNT_MAX);
  struct migration **grown = realloc(set->migrations, (set->count + 1) * sizeof(*set->migrations));
  if (!grown) return error_set(error, ERROR_MEMORY, "out of memory");
  set->migrations = grown;
  if (!migration_parse(path, text, reporter, &set->migrations[set->count], error)) return false;
  set->count++;
  return true;
}

static bool load_embedded(struct migration_set *set, const struct migrate_reporter *reporter,
                          struct error *error) {
  for (size_t i = 0; i < EMBEDDED_MIGRATION_COUNT; i++) {
    const struct embedded_migration *file = &EMBEDDED_MIGRATIONS[i];
    struct str text = {(const char *)file->text, *file->size};
    if (!add(set, file->path, text, reporter, error)) return false;
  }
  return true;
}

static bool read_file(const char *path, struct buffer *text, struct error *error) {
  _cleanup_fclose_ FILE *file = fopen(path, "re");
  if (!file) return error_set(error, ERROR_INVALID, "%s: %s", path, strerror(errno));
  while (!feof(file) && text->length <= MIGRATION_FILE_MAX) {
    if (!buffer_reserve(text, 65536)) return error_set(error, ERROR_MEMORY, "out of memory");
    text->length += fread(text->data + text->length, 1, 65536, file);
    if (ferror(file)) return error_set(error, ERROR_CONFLICT, "%s: %s", path, strerror(errno));
  }
  return true;
}

static bool load_file(struct migration_set *set, const char *path,
                      const struct migrate_reporter *reporter, struct error *error) {
  struct buffer text = BUFFER_EMPTY;
  bool loaded = read_file(path, &text, error) && add(set, path, buffer_str(&text), reporter, error);
  buffer_free(&text);
  return loaded;
}

static bool is_sql(const char *name) {
  size_t length = strlen(name);
  return name[0] != '.' && length > 4 && strcmp(name + length - 4, ".sql") == 0;
}

static bool load_folder(struct migration_set *set, const char *dir,
                        const struct migrate_reporter *reporter, struct error *error) {
  DIR *folder = opendir(dir);
  if (!folder) return error_set(error, ERROR_INVALID, "folder %s: %s", dir, strerror(errno));
  bool loaded = true;
  size_t length = strlen(dir);
  while (length > 1 && dir[length - 1] == '/')
    length--;
  for (struct dirent *entry; loaded && (entry = readdir(folder));) {
    if (!is_sql(entry->d_name)) continue;
    char *path = NULL;
    if (asprintf(&path, "%.*s/%s", (int)length, dir, entry->d_name) < 0) path = NULL;
    loaded = path ? load_file(set, path, reporter, error)
                  : error_set(error, ERROR_MEMORY, "out of memory");
    free(path);
  }
  closedir(folder);
  return loaded;
}

static bool check_twins(const struct migration_set *set, struct error *error) {
  for (size_t i = 1; i < set->count; i++) {
    const struct migration *a = set->migrations[i - 1], *b = set->migrations[i];
    if (version_compare(&a->version, &b->version) == 0)
      return error_set(error, ERROR_CONFLICT, "%s and %s have the same version", a->path, b->path);
  }
  return true;
}

bool migration_set_load(const char *dir, const struct migrate_reporter *reporter,
                        struct migration_set *ret_set, struct error *error) {
  struct migration_set set = {0};
  bool loaded =
      dir ? load_folder(&set, dir, reporter, error) : load_embedded(&set, reporter, error);
  if (loaded && set.count > 1)
    qsort(set.migrations, set.count, sizeof(*set.migrations), compare_entries);
  if (!loaded || !check_twins(&set, error)) {
    migration_set_free(&set);
    return false;
  }
  *ret_set = set;
  return true;
}

void migration_set_free(struct migration_set *set) {
  for (size_t i = 0; i < set->count; i++)
    migration_free(set->migrations[i]);
  free(set->migrations);
  *set = (struct migration_set){0};
}

const struct migration *migration_set_find(const struct migration_set *set,
                                           const struct version *version) {
  size_t low = 0, high = set->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = version_compare(&set->migrations[middle]->version, version);
    if (order == 0) return set->migrations[middle];
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}
