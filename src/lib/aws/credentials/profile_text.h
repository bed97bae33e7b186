/* profile_text.h: the text of one of the AWS SDKs' files, read as botocore reads it (Python's
 * RawConfigParser). Inside of the room only. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"

/* Writes what `text` says as plain lines, "[section]" and "name=value", the names in lower case:
 * values of several lines are joined by blanks, comments and settings that have settings of their
 * own ("s3 =") are gone. Fails as DENIED where botocore refuses the file, with the line: one in no
 * section, one without '=' or ':', a section or setting that is there twice, bytes that are no
 * UTF-8. */
bool profile_text_read(struct str text, struct buffer *ret_plain, struct error *error);
