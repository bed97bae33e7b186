/* test_migrate_plan.c: files and history side by side. */
#include "unit.h"

#include "lib/migrate/state/migrate_plan.h"

static struct migration *file(const char *version) {
  struct buffer path = BUFFER_EMPTY;
  buffer_append_format(&path, "%s_m.sql", version);
  struct migration *migration = NULL;
  assert_true(
      migration_parse(buffer_text(&path), STR("-- migrate:up\nSELECT 1;"), NULL, &migration, NULL));
  buffer_free(&path);
  return migration;
}

static struct history_entry entry(const char *version, const char *checksum) {
  struct history_entry entry = {.name = (char *)"m", .checksum = (char *)checksum};
  assert_true(version_parse(str_from(version), &entry.version));
  return entry;
}

static void assert_state(const struct migrate_plan *plan, size_t i, const char *version,
                         enum migrate_plan_state state) {
  const struct migrate_plan_item *item = &plan->items[i];
  assert_string_equal(migrate_plan_item_version(item)->text, version);
  assert_string_equal(migrate_plan_state_name(item->state), migrate_plan_state_name(state));
}

static void every_state_is_told(void **state) {
  struct migration *files[] = {file("1000000000"), file("1000000001"), file("10000000015"),
                               file("1000000002"), file("1000000004"), file("1000000005"),
                               file("1000000006")};
  struct migration_set set = {files, 7};
  struct history_entry entries[] = {entry("1000000000", files[0]->checksum),
                                    entry("10000000005", NULL), entry("1000000001", "another"),
                                    entry("1000000002", NULL),
                                    entry("1000000004", files[4]->checksum)};
  struct history_progress begun[] = {
      {.version = files[4]->version, .down = true, .done = 1},
      {.version = files[5]->version, .done = 1},
  };
  struct history history = {
      .exists = true, .entries = entries, .count = 5, .progress = begun, .progress_count = 2};
  struct migrate_plan plan;
  assert_true(migrate_plan_make(&set, &history, &plan, NULL));
  assert_int_equal(plan.count, 8);
  assert_state(&plan, 0, "1000000000", PLAN_APPLIED);
  assert_state(&plan, 1, "10000000005", PLAN_MISSING);
  assert_state(&plan, 2, "1000000001", PLAN_CHANGED);
  assert_state(&plan, 3, "10000000015", PLAN_LATE);
  assert_state(&plan, 4, "1000000002", PLAN_APPLIED); /* loaded from a dump: nothing to compare */
  assert_state(&plan, 5, "1000000004", PLAN_PARTIAL_DOWN);
  assert_state(&plan, 6, "1000000005", PLAN_PARTIAL);
  assert_state(&plan, 7, "1000000006", PLAN_PENDING);
  assert_int_equal(migrate_plan_pending_count(&plan), 3);
  migrate_plan_free(&plan);
  for (size_t i = 0; i < 7; i++)
    migration_free(files[i]);
}

static void a_gap_that_adoption_found_is_not_late(void **state) {
  struct migration *files[] = {file("1000000000"), file("1000000001")};
  struct migration_set set = {files, 2};
  struct history_entry entries[] = {entry("1000000001", files[1]->checksum)};
  struct history_progress gap[] = {{.version = files[0]->version}};
  struct history history = {.entries = entries, .count = 1, .progress = gap, .progress_count = 1};
  struct migrate_plan plan;
  assert_true(migrate_plan_make(&set, &history, &plan, NULL));
  assert_state(&plan, 0, "1000000000", PLAN_PENDING);
  migrate_plan_free(&plan);
  migration_free(files[0]);
  migration_free(files[1]);
}

static void one_time_in_other_digits_is_the_same_migration(void **state) {
  struct migration *files[] = {file("10000000000")};
  struct migration_set set = {files, 1};
  struct history_entry entries[] = {entry("1000000000", files[0]->checksum)};
  struct history history = {.exists = true, .entries = entries, .count = 1};
  struct migrate_plan plan;
  assert_true(migrate_plan_make(&set, &history, &plan, NULL));
  assert_int_equal(plan.count, 1);
  assert_int_equal(plan.items[0].state, PLAN_APPLIED);
  migrate_plan_free(&plan);
  migration_free(files[0]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_state_is_told),
      cmocka_unit_test(a_gap_that_adoption_found_is_not_late),
      cmocka_unit_test(one_time_in_other_digits_is_the_same_migration),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
