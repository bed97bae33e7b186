/* mime.h: what a file is, by its name: the media type. */
#pragma once

#include "lib/base/str.h"

/* The media type of the file at `path`, by the ending of its name; that of text has its charset.
 * application/octet-stream when the ending is unknown. Sources: the IANA registry; RFC 9239 for
 * JavaScript. */
const char *mime_type(struct str path);
