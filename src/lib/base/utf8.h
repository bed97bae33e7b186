/* utf8.h: UTF-8 (RFC 3629): validation, counting, white space. */
#pragma once

#include "lib/base/str.h"

/* True when `text` is well-formed UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF.
 */
bool utf8_valid(struct str text);

/* The number of bytes before the first one that is not part of well-formed UTF-8. */
size_t utf8_valid_prefix(struct str text);

/* The number of Unicode code points of well-formed `text`. */
size_t utf8_length(struct str text);

/* True when well-formed `text` is empty or holds only Unicode white space (White_Space=yes). */
bool utf8_is_blank(struct str text);
