/* xml.h: just enough XML to read the answers of S3, CloudFront and STS: elements by name, their
 * text. No DTDs, no namespaces, no attributes; what is malformed is not found. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/str.h"

/* Finds the next element `name` in `*rest`, at any depth, and cuts it off: `*ret_content` is what
 * stands between its tags, not decoded. An element of the same name inside of it is part of the
 * content up to the first end tag. Returns false when there is none. */
bool xml_next(struct str *rest, struct str name, struct str *ret_content);

/* xml_next() on a copy of `document`: the first element `name`; data is NULL when there is none. */
struct str xml_find(struct str document, struct str name);

/* Appends the text of an element's content with the five named entities and numeric references
 * decoded; an entity that makes no sense is kept as it is. */
void xml_append_text(struct buffer *output, struct str content);

/* Appends `text` with what XML would take for markup written as entities. */
void xml_append_escaped(struct buffer *output, struct str text);
