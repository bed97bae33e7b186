/* document.h: whole XML documents read strictly (libexpat): an answer that is cut short or
 * malformed is an error, never a shorter answer. For what must not be misread: the list of a
 * bucket, the result of a deletion. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"

enum { DOCUMENT_DEPTH_LIMIT = 16, DOCUMENT_PATH_LIMIT = 256 };

/* Called at the end of each element: `path` is its place below the root ("Contents/Key"), `text`
 * what stands in it itself, decoded; both are borrowed for the time of the call. Returning false
 * ends the reading as an error. */
typedef bool (*document_element)(const char *path, struct str text, void *argument);

/* Reads `xml`, whose root element must be `root`. A document type declaration is refused, so no
 * entity can grow. Fails as ERROR_UNAVAILABLE: asking again may bring the whole document. */
bool document_read(struct str xml, const char *root, document_element each, void *argument,
                   struct error *error);
