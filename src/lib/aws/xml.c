/* xml.c: see xml.h. The reader keeps the path of the element it is in as one text, to which each
 * start tag appends and from which each end tag cuts. It keeps one text as well, that of the
 * innermost element: what stands before and between the children of an element is white space in
 * all documents of these services, and is dropped. */
#include "lib/aws/xml.h"

#include "lib/aws/secret.h"

#include <assert.h>
#include <expat.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

struct xml_reader {
  XML_Parser parser;
  const char *root; /* NULL: any */
  xml_element each;
  void *argument;
  unsigned depth;
  size_t path_length;
  char path[XML_PATH_LIMIT];
  struct buffer text;
  const char *problem; /* NULL: none of ours */
};

/* --- Memory of the parser, which may have held a secret --- */

static void wiping_free(void *memory) {
  if (memory) explicit_bzero(memory, malloc_usable_size(memory));
  free(memory);
}

static void *wiping_realloc(void *memory, size_t size) {
  void *moved = malloc(size);
  size_t old_size = memory ? malloc_usable_size(memory) : 0;
  if (!moved) return NULL;
  if (memory) memcpy(moved, memory, old_size < size ? old_size : size);
  wiping_free(memory);
  return moved;
}

static const XML_Memory_Handling_Suite WIPING = {malloc, wiping_realloc, wiping_free};

/* --- Reading --- */

static void stop(struct xml_reader *reader, const char *problem) {
  if (!reader->problem) reader->problem = problem;
  XML_StopParser(reader->parser, XML_FALSE);
}

static void forget_text(struct xml_reader *reader) {
  if (reader->text.length > 0) explicit_bzero(reader->text.data, reader->text.length);
  reader->text.length = 0;
}

static void on_start(void *argument, const char *name, const char **attributes) {
  (void)attributes;
  struct xml_reader *reader = argument;
  if (reader->problem) return;
  forget_text(reader);
  if (reader->depth == 0) {
    if (reader->root && strcmp(name, reader->root) != 0)
      stop(reader, "another answer than expected");
    reader->depth = 1;
    return;
  }
  size_t length = strlen(name);
  if (reader->depth == XML_DEPTH_LIMIT || reader->path_length + length + 2 > sizeof(reader->path)) {
    stop(reader, "nested too deeply");
    return;
  }
  if (reader->path_length > 0) reader->path[reader->path_length++] = '/';
  memcpy(reader->path + reader->path_length, name, length + 1);
  reader->path_length += length;
  reader->depth++;
}

static void on_end(void *argument, const char *name) {
  struct xml_reader *reader = argument;
  if (reader->problem)
    return; /* the end of an element whose start was refused comes all the same */
  assert(reader->depth > 0);
  reader->depth--;
  if (reader->depth == 0) return;
  assert(xml_path_ends(reader->path, name));
  if (reader->text.failed ||
      !reader->each(reader->path, buffer_str(&reader->text), reader->argument))
    stop(reader, "not as documented");
  char *slash = strrchr(reader->path, '/');
  reader->path_length = slash ? (size_t)(slash - reader->path) : 0;
  reader->path[reader->path_length] = '\0';
  forget_text(reader);
}

static void on_text(void *argument, const char *text, int length) {
  struct xml_reader *reader = argument;
  buffer_append(&reader->text, text, (size_t)length);
}

static void on_doctype(void *argument, const char *name, const char *system, const char *public,
                       int has_subset) {
  (void)name, (void)system, (void)public, (void)has_subset;
  stop(argument, "a document type declaration");
}

static bool parse(struct xml_reader *reader, struct str xml) {
  XML_SetUserData(reader->parser, reader);
  XML_SetElementHandler(reader->parser, on_start, on_end);
  XML_SetCharacterDataHandler(reader->parser, on_text);
  XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
  enum XML_Status status =
      XML_Parse(reader->parser, xml.length > 0 ? xml.data : "", (int)xml.length, XML_TRUE);
  if (status != XML_STATUS_OK && !reader->problem)
    reader->problem = XML_ErrorString(XML_GetErrorCode(reader->parser));
  return !reader->problem;
}

bool xml_read(struct str xml, const char *root, xml_element each, void *argument,
              struct error *error) {
  struct xml_reader reader = {.root = root, .each = each, .argument = argument};
  if (xml.length > XML_SIZE_LIMIT)
    return error_set(error, ERROR_UNAVAILABLE, "the answer is longer than %d bytes",
                     XML_SIZE_LIMIT);
  /* No text is longer than the document, so that the buffer never moves and leaves a copy behind.
   */
  reader.parser =
      buffer_reserve(&reader.text, xml.length) ? XML_ParserCreate_MM("UTF-8", &WIPING, NULL) : NULL;
  bool read = reader.parser && parse(&reader, xml);
  if (!reader.parser)
    error_set(error, ERROR_MEMORY, "out of memory");
  else if (!read)
    error_set(error, ERROR_UNAVAILABLE, "the answer is no whole %s: %s", root ? root : "document",
              reader.problem);
  XML_ParserFree(reader.parser);
  forget_text(&reader);
  buffer_free(&reader.text);
  return read;
}

bool xml_path_ends(const char *path, const char *end) {
  size_t length = strlen(path), end_length = strlen(end);
  if (length < end_length || strcmp(path + length - end_length, end) != 0) return false;
  return length == end_length || path[length - end_length - 1] == '/';
}

/* --- Writing --- */

void xml_append_escaped(struct buffer *output, struct str text) {
  for (size_t i = 0; i < text.length; i++) {
    unsigned char byte = (unsigned char)text.data[i];
    switch (byte) {
    case '&': buffer_append_text(output, "&amp;"); break;
    case '<': buffer_append_text(output, "&lt;"); break;
    case '>': buffer_append_text(output, "&gt;"); break;
    case '"': buffer_append_text(output, "&quot;"); break;
    case '\'': buffer_append_text(output, "&apos;"); break;
    default:
      if (byte < 0x20)
        buffer_append_format(output, "&#%u;", byte);
      else
        buffer_append_char(output, text.data[i]);
    }
  }
}
