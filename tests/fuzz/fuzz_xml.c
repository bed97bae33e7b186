/* fuzz_xml.c: both readers of XML: the lenient one for errors, the strict one for what must not be
 * misread; the first line is the element that is looked for. */
#include "fuzz.h"

#include "lib/aws/document.h"
#include "lib/aws/xml.h"
#include "lib/base/utf8.h"

enum { ELEMENTS_LIMIT = 1000 };

static void check_elements(struct str document, struct str name) {
  struct str rest = document, content;
  for (int i = 0; i < ELEMENTS_LIMIT && xml_next(&rest, name, &content); i++) {
    struct buffer text = BUFFER_EMPTY;
    assert(fuzz_inside(document, content) && fuzz_inside(document, rest));
    assert(content.data + content.length <= rest.data);
    xml_append_text(&text, content);
    assert(text.length <= content.length);
    buffer_free(&text);
  }
}

/* Neither reader knows a NUL. */
static void check_escaped(struct str text) {
  struct buffer escaped = BUFFER_EMPTY, again = BUFFER_EMPTY;
  if (text.length == 0 || memchr(text.data, '\0', text.length)) return;
  xml_append_escaped(&escaped, text);
  assert(!memchr(escaped.data, '<', escaped.length));
  xml_append_text(&again, buffer_str(&escaped));
  assert(str_equal(buffer_str(&again), text));
  buffer_free(&escaped);
  buffer_free(&again);
}

static bool on_element(const char *path, struct str text, void *argument) {
  (void)argument;
  assert(*path && strlen(path) < DOCUMENT_PATH_LIMIT && path[0] != '/');
  unsigned depth = 1;
  for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
    depth++;
  assert(depth < DOCUMENT_DEPTH_LIMIT && utf8_valid(text));
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str document = fuzz_text(data, size), name = fuzz_cut(&document, '\n');
  struct error error = {0};
  check_escaped(document);
  if (name.length > 0) check_elements(document, name);
  if (!document_read(document, "R", on_element, NULL, &error))
    assert(error.kind == ERROR_UNAVAILABLE && utf8_valid(str_from(error.message)));
  return 0;
}
