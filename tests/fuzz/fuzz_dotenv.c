/* fuzz_dotenv.c: files of NAME=value lines, which are data and never run. */
#include "fuzz.h"

#include "lib/sync/dotenv.h"

static bool on_line(const char *name, const char *value, void *argument) {
  size_t *total = argument;
  assert(strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
         strlen(name));
  assert(*name && (*name < '0' || *name > '9'));
  *total += strlen(name) + strlen(value);
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct error error = {0};
  size_t total = 0;
  if (!dotenv_parse(fuzz_text(data, size), on_line, &total, &error))
    assert(error.kind == ERROR_INVALID && strncmp(error.message, "line ", 5) == 0);
  assert(total <= size);
  return 0;
}
