/* fuzz_utf8.c: UTF-8 and the JSON writer against jansson, which knows both by itself. */
#include "fuzz.h"

#include "lib/base/cleanup.h"
#include "lib/base/json_writer.h"
#include "lib/base/utf8.h"

#include <jansson.h>

static void check_written(struct str text) {
  _cleanup_(buffer_free) struct buffer written = BUFFER_EMPTY;
  json_writer_string(&written, text);
  for (size_t i = 0; i < written.length; i++)
    assert((unsigned char)written.data[i] >= 0x20);
  json_t *read = json_loadb(written.data, written.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  assert(read);
  assert(str_equal((struct str){json_string_value(read), json_string_length(read)}, text));
  json_decref(read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str text = fuzz_text(data, size);
  json_t *string = json_stringn(text.data, text.length);
  bool valid = utf8_valid(text);
  assert(valid == (string != NULL));
  json_decref(string);
  if (!valid) return 0;
  assert(utf8_length(text) <= text.length);
  assert(text.length > 0 || utf8_is_blank(text));
  check_written(text);
  return 0;
}
