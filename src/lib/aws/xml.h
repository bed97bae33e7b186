/* xml.h: XML as the services of AWS write it, read by libexpat and written by hand.
 *
 * Reading is strict: a document that is cut short or malformed is an error, never a shorter answer,
 * because files are deleted by the list of a bucket. What a caller was told before the error is its
 * own to use: the code of an error, say. Memory that held a text is wiped, since STS's answers hold
 * secrets. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"

enum {
  XML_SIZE_LIMIT = 16 * 1024 * 1024, /* bytes of a document */
  XML_DEPTH_LIMIT = 16,              /* elements within each other, the root among them */
  XML_PATH_LIMIT = 256,              /* bytes of a path, its NUL among them */
};

/* Called at the end of each element below the root: `path` is its place there ("Contents/Key"),
 * `text` what stands in it itself, decoded; both are borrowed for the time of the call. Returning
 * false ends the reading as an error. */
typedef bool (*xml_element)(const char *path, struct str text, void *argument);

/* Reads `xml`, whose root element must be `root` (NULL: any). A document type declaration is
 * refused, so no entity can grow. Fails as ERROR_UNAVAILABLE: asking again may bring the whole
 * document. */
bool xml_read(struct str xml, const char *root, xml_element each, void *argument,
              struct error *error);

/* True when `path` is `end`, or ends in '/' and `end`. */
bool xml_path_ends(const char *path, const char *end);

/* Appends `text` with what XML would take for markup written as entities. */
void xml_append_escaped(struct buffer *output, struct str text);
