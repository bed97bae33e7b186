/* mime.h: what a file is, by its name: the media type, and whether the name holds a hash. */
#pragma once

#include "lib/base/str.h"

/* The media type of the file at `path`, text with its charset; application/octet-stream when the
 * ending is unknown. Never NULL. Sources: the IANA registry; RFC 9239 for JavaScript. */
const char *mime_type(struct str path);

/* True when the file's name holds a hash of its content, as bundlers write them: one part between
 * dots or dashes, not the first, of at least eight hexadecimal digits with a letter and a digit
 * among them (main.8a2b3c4d.js), or of eight base64url characters with lower case, upper case and
 * digits before the ending (index-BX3k9aZ7.js). */
bool mime_name_is_hashed(struct str path);
