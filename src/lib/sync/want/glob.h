/* glob.h: file name patterns, as in .gitignore: `*` is any text within a folder, `**` any text
 * across folders, `?` one character; everything else stands for itself, brackets too. */
#pragma once

#include "lib/base/str.h"

enum { GLOB_LENGTH_LIMIT = 512 };

/* True when `pattern` fits `path`, which has '/' between folders and does not begin with one. A
 * pattern without '/' is compared with the last name of the path; a pattern with '/' at its start
 * or inside, with the whole path; a pattern that ends in '/' fits everything below that folder. The
 * time is bounded by the product of the lengths. A pattern longer than GLOB_LENGTH_LIMIT fits
 * nothing. */
bool glob_fits(struct str pattern, struct str path);
