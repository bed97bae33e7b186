/* fuzz_process.c: the line of a credential_process, cut into words. */
#include "fuzz.h"

#include "lib/aws/credentials/process_words.h"
#include "lib/base/cleanup.h"

static void check_words(struct str line) {
  _cleanup_free_ char **words = NULL;
  struct error error = {0};
  if (!process_words_split(line, &words, &error)) {
    assert(error.kind == ERROR_INVALID && !words);
    return;
  }
  size_t count = 0, total = 0;
  for (; words[count]; count++)
    total += strlen(words[count]);
  assert(count >= 1 && count <= PROCESS_WORDS_LIMIT && total <= line.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check_words(fuzz_text(data, size));
  return 0;
}
