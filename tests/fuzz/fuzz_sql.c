/* fuzz_sql.c: SQL as a checksum sees it (normalising twice changes nothing more), the names and
 * versions of migrations, and the difference of two texts, which a line of "---" parts. */
#include "fuzz.h"

#include "lib/migrate/diff.h"
#include "lib/migrate/file/migration.h"
#include "lib/migrate/file/scanner.h"

static void check_normalised(struct str sql) {
  struct buffer once = BUFFER_EMPTY, twice = BUFFER_EMPTY;
  scanner_append_normalised(&once, sql);
  scanner_append_normalised(&twice, buffer_str(&once));
  assert(str_equal(buffer_str(&once), buffer_str(&twice)));
  buffer_free(&once);
  buffer_free(&twice);
}

static void check_name(struct str text) {
  struct version version, next;
  struct str name;
  struct error error;
  if (!migration_parse_file_name(text, &version, &name)) return;
  assert(fuzz_inside(text, name) && name.length > 0 && name.length <= MIGRATION_NAME_MAX);
  assert(version_compare(&version, &version) == 0);
  if (version_next(&version, 1, &next, &error)) assert(version_compare(&version, &next) < 0);
}

/* Every line of the difference says where it comes from; texts that are alike have lines in common
 * alone. */
static void check_diff(struct str old_text, struct str new_text) {
  struct buffer difference = BUFFER_EMPTY;
  diff_append(&difference, old_text, new_text);
  struct str rest = buffer_str(&difference);
  while (rest.length > 0) {
    struct str line = fuzz_cut(&rest, '\n');
    assert(line.length > 0 && memchr(" +-", line.data[0], 3));
    assert(line.data[0] == ' ' || !str_equal(old_text, new_text));
  }
  buffer_free(&difference);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str text = fuzz_text(data, size);
  check_normalised(text);
  check_name(text);
  const char *middle = size > 0 ? memmem(text.data, size, "---\n", 4) : NULL;
  size_t before = middle ? (size_t)(middle - text.data) : size;
  size_t skipped = before + (middle ? 4 : 0);
  check_diff((struct str){text.data, before}, (struct str){text.data + skipped, size - skipped});
  return 0;
}
