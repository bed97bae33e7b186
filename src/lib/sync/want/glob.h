/* glob.h: file name patterns, as in .gitignore: `*` stays within a folder, `**` does not, `?` is
 * one character; everything else, brackets included, stands for itself. */
#pragma once

#include "lib/base/str.h"

enum { GLOB_LENGTH_LIMIT = 512 };

/* True when `pattern` fits `path`, which has '/' between folders and none in front. A pattern
 * without '/' (but at its start) is held against the last name alone; one that begins with '/' or
 * has one inside, against the whole path; one that ends in '/' fits everything below that folder.
 * The time is bounded by the product of the lengths. A pattern longer than GLOB_LENGTH_LIMIT fits
 * nothing. */
bool glob_fits(struct str pattern, struct str path);
