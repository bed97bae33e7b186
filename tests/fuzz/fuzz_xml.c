/* fuzz_xml.c: the reader of XML: what it tells lies within its bounds, and a text that was escaped
 * comes back as it was. */
#include "fuzz.h"

#include "lib/aws/services/s3.h"
#include "lib/aws/xml.h"
#include "lib/base/cleanup.h"
#include "lib/base/utf8.h"

static bool keep_text(const char *path, struct str text, void *argument) {
  assert(strcmp(path, "T") == 0);
  buffer_append_str(argument, text);
  return true;
}

static void check_escaped(struct str text) {
  _cleanup_(buffer_free) struct buffer document = BUFFER_EMPTY, read = BUFFER_EMPTY;
  _cleanup_free_ char *copy = strndup(text.data, text.length);
  if (strlen(copy) != text.length || !s3_key_fits_xml(copy)) return;
  buffer_append_text(&document, "<R><T>");
  xml_append_escaped(&document, text);
  buffer_append_text(&document, "</T></R>");
  assert(xml_read(buffer_str(&document), "R", keep_text, &read, NULL));
  assert(str_equal(buffer_str(&read), text));
}

static bool on_element(const char *path, struct str text, void *argument) {
  (void)argument;
  assert(*path && strlen(path) < XML_PATH_LIMIT && path[0] != '/');
  unsigned depth = 1;
  for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
    depth++;
  assert(depth < XML_DEPTH_LIMIT && utf8_valid(text));
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str document = fuzz_text(data, size);
  struct error error = {0};
  check_escaped(document);
  if (!xml_read(document, NULL, on_element, NULL, &error))
    assert(error.kind == ERROR_UNAVAILABLE && utf8_valid(str_from(error.message)));
  return 0;
}
