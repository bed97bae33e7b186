/* profile_text.h: the text of one of the AWS SDKs' files, read as botocore reads it (Python's
 * RawConfigParser). Inside of the room only. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"

/* Stands between a setting and the name of one of its own: "s3", this, "endpoint_url". */
enum { PROFILE_TEXT_NESTED = '\x1f' };

/* Writes what `text` says as plain lines, "[section]" and "name=value", the names in lower case:
 * values of several lines are joined by blanks, comments are gone, and a setting that has settings
 * of its own ("s3 =") is a line for each of these. Fails as DENIED where botocore refuses the file,
 * with the line: one in no section, one without '=' or ':', a section or setting that is there
 * twice, bytes that are no UTF-8. */
bool profile_text_read(struct str text, struct buffer *ret_plain, struct error *error);
