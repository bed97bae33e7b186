/* fuzz_if_none_match.c: the tags that a client has. The input is the header's field, and a body. */
#include "fuzz.h"

#include "lib/base/buffer.h"
#include "lib/base/cleanup.h"
#include "lib/http/etag.h"

static bool contains(struct str text, struct str part) {
  return text.length > 0 && part.length > 0 &&
         memmem(text.data, text.length, part.data, part.length);
}

/* A list that ends well goes on with any tag. */
static void check_longer(struct str list, struct str tag) {
  _cleanup_(buffer_free) struct buffer longer = BUFFER_EMPTY;
  buffer_append_str(&longer, tag);
  buffer_append_char(&longer, ',');
  buffer_append_str(&longer, list);
  assert(etag_list_has(buffer_str(&longer), tag));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str list = fuzz_text(data, size);
  char text[ETAG_SIZE];
  etag_make(list, text);
  struct str tag = str_from(text);
  struct str opaque = {tag.data + 2, tag.length - 2};
  assert(str_starts_with(tag, STR("W/\"")) && tag.length < ETAG_SIZE - 1);
  assert(etag_list_has(tag, tag) && etag_list_has(opaque, tag));
  bool is_star = str_equal(str_trim(list), STR("*"));
  assert(etag_list_has(list, tag) == is_star); /* nobody puts the hash of a text into it */
  if (etag_list_has(list, STR("W/\"a\""))) assert(is_star || contains(list, STR("\"a\"")));
  check_longer(list, tag);
  check_longer(list, opaque);
  return 0;
}
