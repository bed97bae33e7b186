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

/* Whatever the bytes are, the JSON can be read. */
static void check_mended(struct str text) {
  _cleanup_(buffer_free) struct buffer written = BUFFER_EMPTY;
  json_writer_mended(&written, text);
  json_t *read = json_loadb(written.data, written.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  assert(read);
  json_decref(read);
}

static void check_one_line(struct str text) {
  _cleanup_free_ char *line = malloc(text.length + 1), *again = malloc(text.length + 1);
  assert(line && again);
  struct str once = {line, utf8_to_one_line(text, line)};
  assert(once.length <= text.length && utf8_valid(once));
  assert(utf8_is_blank(once) == utf8_is_blank(text));
  struct str twice = {again, utf8_to_one_line(once, again)};
  assert(str_equal(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str text = fuzz_text(data, size);
  json_t *string = json_stringn(text.data, text.length);
  bool valid = utf8_valid(text);
  assert(valid == (string != NULL));
  json_decref(string);
  check_mended(text);
  if (!valid) return 0;
  assert(utf8_length(text) <= text.length);
  assert(text.length > 0 || utf8_is_blank(text));
  check_written(text);
  check_one_line(text);
  return 0;
}
