/* migration_set.h: where migrations come from: the executable itself, or a folder of files. */
#pragma once

#include "lib/migrate/file/migration.h"

enum { MIGRATION_COUNT_MAX = 10 * 1000 };

/* A set of migrations in the order of their versions. */
struct migration_set {
  struct migration **migrations; /* owned */
  size_t count;
};

/* What the build embedded: generated from db/migrations. */
struct embedded_migration {
  const char *path; /* db/migrations/VERSION_name.sql */
  const unsigned char *text;
  const unsigned long *size;
};
extern const struct embedded_migration EMBEDDED_MIGRATIONS[];
extern const size_t EMBEDDED_MIGRATION_COUNT;

/* Reads the migrations of the folder `dir`, or the embedded ones when it is NULL. Every file whose
 * name ends in .sql counts, others are left alone. INVALID: the folder or a file cannot be opened.
 * CONFLICT: a file makes no sense, or two have the same time. */
bool migration_set_load(const char *dir, const struct migrate_reporter *reporter,
                        struct migration_set *ret_set, struct error *error);
void migration_set_free(struct migration_set *set);

/* The migration of that time; NULL when the set has no such migration. */
const struct migration *migration_set_find(const struct migration_set *set,
                                           const struct version *version);
