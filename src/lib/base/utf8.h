/* utf8.h: UTF-8 (RFC 3629): validation, counting, white space. */
#pragma once

#include "lib/base/str.h"

#include <stdint.h>

/* True when `text` is well-formed UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF.
 */
bool utf8_valid(struct str text);

/* The number of Unicode code points of well-formed `text`. */
size_t utf8_length(struct str text);

/* True when well-formed `text` is empty or holds only Unicode white space (White_Space=yes). */
bool utf8_is_blank(struct str text);

/* Takes the first code point off well-formed `rest`. False at the end. */
bool utf8_next(struct str *rest, uint32_t *ret_code_point);

/* True for Unicode's white space (White_Space=yes). */
bool utf8_is_white_space(uint32_t code_point);
