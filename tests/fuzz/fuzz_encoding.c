/* fuzz_encoding.c: percent-encoding, base64url and UUIDs: what was decoded encodes to what it came
 * from. */
#include "fuzz.h"

#include "lib/base/cleanup.h"
#include "lib/base/encoding.h"
#include "lib/base/utf8.h"
#include "lib/base/uuid.h"

static void check_percent(struct str text, bool plus_is_space) {
  _cleanup_free_ char *decoded = malloc(text.length + 1), *again = malloc(text.length + 1);
  _cleanup_(buffer_free) struct buffer encoded = BUFFER_EMPTY;
  size_t length = 0, again_length = 0;
  if (!encoding_percent_decode(text, plus_is_space, decoded, &length)) return;
  assert(length <= text.length && utf8_valid((struct str){decoded, length}));
  encoding_percent_append(&encoded, (struct str){decoded, length});
  assert(encoded.length <= 3 * length);
  memcpy(again, text.data, text.length); /* where the text is */
  assert(encoding_percent_decode((struct str){again, text.length}, plus_is_space, again,
                                 &again_length));
  assert(again_length == length && memcmp(again, decoded, length) == 0);
  if (memchr(decoded, '\0', length)) return; /* came as it is; it would be encoded as %00 */
  _cleanup_free_ char *back = malloc(encoded.length + 1);
  assert(encoding_percent_decode(buffer_str(&encoded), plus_is_space, back, &again_length));
  assert(again_length == length && memcmp(back, decoded, length) == 0);
}

static void check_base64url(struct str text) {
  _cleanup_free_ char *bytes = malloc(text.length + 1);
  _cleanup_(buffer_free) struct buffer encoded = BUFFER_EMPTY, of_all = BUFFER_EMPTY;
  size_t length = 0;
  if (encoding_base64url_decode(text, bytes, text.length, &length)) {
    assert(length == text.length * 3 / 4);
    encoding_base64url_append(&encoded, bytes, length);
    assert(str_equal(buffer_str(&encoded), text));
    assert(length == 0 || !encoding_base64url_decode(text, bytes, length - 1, &length));
  }
  encoding_base64url_append(&of_all, text.data, text.length);
  assert(encoding_base64url_decode(buffer_str(&of_all), bytes, text.length, &length));
  assert(length == text.length && (length == 0 || memcmp(bytes, text.data, length) == 0));
}

static void check_uuid(struct str text) {
  struct uuid uuid;
  char formatted[UUID_TEXT_LENGTH];
  if (!uuid_parse(text, &uuid)) return;
  uuid_format(uuid.bytes, formatted);
  assert(str_equal_ignore_case((struct str){formatted, sizeof(formatted)}, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str text = fuzz_text(data, size);
  check_percent(text, false);
  check_percent(text, true);
  check_base64url(text);
  check_uuid(text);
  return 0;
}
