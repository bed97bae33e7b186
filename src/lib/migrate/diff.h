/* diff.h: the difference between two texts, line by line. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/str.h"

/* Appends the lines that differ, with three lines of context around them: " " both, "-" only old,
 * "+" only new. Texts of more than 4,000 differing lines a side are not matched up: all of the old
 * lines, then all of the new. */
void diff_append(struct buffer *out, struct str old_text, struct str new_text);
