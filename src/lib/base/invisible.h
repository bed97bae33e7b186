/* invisible.h: which code points show nothing by themselves. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* True for white space, controls, marks without a letter, what Unicode ignores by default, U+2800
 * and U+3164. */
bool invisible_has(uint32_t code_point);
