/* document.c: see document.h. */
#include "lib/aws/document.h"

#include <expat.h>
#include <limits.h>
#include <string.h>

struct reading {
  XML_Parser parser;
  const char *root;
  document_element each;
  void *argument;
  unsigned depth;
  size_t path_length;
  char path[DOCUMENT_PATH_LIMIT];
  struct buffer text;
  const char *problem; /* NULL: none of ours */
};

static void stop(struct reading *reading, const char *problem) {
  if (!reading->problem) reading->problem = problem;
  XML_StopParser(reading->parser, XML_FALSE);
}

static void on_start(void *argument, const char *name, const char **attributes) {
  (void)attributes;
  struct reading *reading = argument;
  reading->text.length = 0;
  if (reading->depth == 0) {
    if (strcmp(name, reading->root) != 0) stop(reading, "another answer than expected");
    reading->depth = 1;
    return;
  }
  size_t length = strlen(name);
  if (reading->depth == DOCUMENT_DEPTH_LIMIT ||
      reading->path_length + length + 2 > sizeof(reading->path)) {
    stop(reading, "nested too deeply");
    return;
  }
  if (reading->path_length > 0) reading->path[reading->path_length++] = '/';
  memcpy(reading->path + reading->path_length, name, length + 1);
  reading->path_length += length;
  reading->depth++;
}

static void on_end(void *argument, const char *name) {
  (void)name;
  struct reading *reading = argument;
  reading->depth--;
  if (reading->depth == 0) return;
  if (reading->text.failed ||
      !reading->each(reading->path, buffer_str(&reading->text), reading->argument))
    stop(reading, "not as documented");
  char *slash = strrchr(reading->path, '/');
  reading->path_length = slash ? (size_t)(slash - reading->path) : 0;
  reading->path[reading->path_length] = '\0';
  reading->text.length = 0;
}

static void on_text(void *argument, const char *text, int length) {
  struct reading *reading = argument;
  buffer_append(&reading->text, text, (size_t)length);
}

static void on_doctype(void *argument, const char *name, const char *system, const char *public,
                       int has_subset) {
  (void)name, (void)system, (void)public, (void)has_subset;
  stop(argument, "a document type declaration");
}

bool document_read(struct str xml, const char *root, document_element each, void *argument,
                   struct error *error) {
  struct reading reading = {.root = root, .each = each, .argument = argument};
  reading.parser = xml.length <= INT_MAX ? XML_ParserCreate("UTF-8") : NULL;
  if (!reading.parser) return error_set(error, ERROR_MEMORY, "out of memory");
  XML_SetUserData(reading.parser, &reading);
  XML_SetElementHandler(reading.parser, on_start, on_end);
  XML_SetCharacterDataHandler(reading.parser, on_text);
  XML_SetStartDoctypeDeclHandler(reading.parser, on_doctype);
  enum XML_Status status =
      XML_Parse(reading.parser, xml.length > 0 ? xml.data : "", (int)xml.length, XML_TRUE);
  bool read = status == XML_STATUS_OK && !reading.problem;
  if (!read)
    error_set(error, ERROR_UNAVAILABLE, "the answer is no whole %s: %s", root,
              reading.problem ? reading.problem
                              : XML_ErrorString(XML_GetErrorCode(reading.parser)));
  XML_ParserFree(reading.parser);
  buffer_free(&reading.text);
  return read;
}
