/* etag.h: entity tags: the name of what a body says, so that a client asks for it only if it
 * changed (RFC 9110, sections 8.8.3 and 13.1.2). */
#pragma once

#include "lib/base/str.h"

enum { ETAG_SIZE = 40 };

/* Writes the weak tag of `body`, W/"…", NUL-terminated. The same body has the same tag in every
 * process, in whatever coding it is sent. */
void etag_make(struct str body, char ret_tag[ETAG_SIZE]);

/* True when a field of If-None-Match names `tag` by weak comparison, or is "*". What follows a
 * malformed element is not read. */
bool etag_list_has(struct str list, struct str tag);
