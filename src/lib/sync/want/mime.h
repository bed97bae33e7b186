/* mime.h: what a file is, by its name: the media type, and whether the name holds a hash. */
#pragma once

#include "lib/base/str.h"

/* The media type of the file at `path`, by the ending of its name; that of text has its charset.
 * application/octet-stream when the ending is unknown. Sources: the IANA registry; RFC 9239 for
 * JavaScript. */
const char *mime_type(struct str path);

/* True when the file's name holds a hash of its content, as bundlers write them. That is a part
 * between dots or dashes (not the first part) of at least eight hexadecimal digits, with a letter
 * and a digit among them (main.8a2b3c4d.js); or eight base64url characters before the ending, with
 * lower case, upper case and digits among them (index-BX3k9aZ7.js). */
bool mime_name_is_hashed(struct str path);
