/* utf8.h: UTF-8 (RFC 3629): validation, counting, what can be seen. */
#pragma once

#include "lib/base/str.h"

#include <stdint.h>

/* True when `text` is well-formed UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF.
 */
bool utf8_valid(struct str text);

/* The number of bytes before the first one that is not part of well-formed UTF-8. */
size_t utf8_valid_prefix(struct str text);

/* The number of Unicode code points of well-formed `text`. */
size_t utf8_length(struct str text);

/* True for code points that show nothing by themselves: white space, controls, marks without a
 * letter, what Unicode ignores by default (U+3164 among them), and U+2800. */
bool invisible_has(uint32_t code_point);

/* True when well-formed `text` shows nothing: it is empty or holds only what invisible_has(). */
bool utf8_is_blank(struct str text);

/* Writes well-formed `text` as a name is kept: one line (a control becomes a blank), and without
 * what turns the direction of the text around it. `output` has room for `text.length` bytes;
 * returns how many were written. */
size_t utf8_to_one_line(struct str text, char *output);
/* Takes the first code point off well-formed `rest`. False at the end. */
bool utf8_next(struct str *rest, uint32_t *ret_code_point);

/* True for Unicode's white space (White_Space=yes). */
bool utf8_is_white_space(uint32_t code_point);
