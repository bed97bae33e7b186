/* replay.c: runs a fuzz target over the files of its corpus, as a unit test (TAP): what was found
 * once stays mended. Without libFuzzer, so with any compiler.
 *
 * Arguments: files to be run instead of the corpus. */
#include "fuzz.h"

#include "lib/base/cleanup.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATH_SIZE = 4096 };

/* The name comes first, so that the last line names the file that a crash is about. */
static bool run_file(const char *path) {
  printf("# %s\n", path);
  _cleanup_fclose_ FILE *file = fopen(path, "re");
  if (!file || fseek(file, 0, SEEK_END) != 0) return false;
  long size = ftell(file);
  if (size < 0) return false;
  rewind(file);
  _cleanup_free_ uint8_t *bytes = malloc((size_t)size + (size == 0));
  if (!bytes || fread(bytes, 1, (size_t)size, file) != (size_t)size) return false;
  LLVMFuzzerTestOneInput(bytes, (size_t)size);
  return true;
}

static int is_visible(const struct dirent *entry) {
  return entry->d_name[0] != '.';
}

/* Returns how many files were run; 0 when one could not be read. */
static int run_corpus(const char *folder) {
  struct dirent **entries = NULL;
  int count = scandir(folder, &entries, is_visible, alphasort);
  bool all = count > 0;
  for (int i = 0; i < count; i++) {
    char path[PATH_SIZE];
    int length = snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
    all = all && length < PATH_SIZE && run_file(path);
    free(entries[i]);
  }
  free((void *)entries);
  return all ? count : 0;
}

int main(int argument_count, char **arguments) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  puts("1..1");
  int run = 0;
  for (int i = 1; i < argument_count; i++)
    run += run_file(arguments[i]);
  if (argument_count == 1) run = run_corpus(FUZZ_CORPUS);
  bool good = run > 0 && (argument_count == 1 || run == argument_count - 1);
  printf("%s 1 - %d inputs of %s\n", good ? "ok" : "not ok", run, FUZZ_CORPUS);
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
