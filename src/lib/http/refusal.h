/* refusal.h: what libmicrohttpd answers by itself, said as the API says things. Inside of the room
 * only. */
#pragma once

#include <stdbool.h>

/* True when libmicrohttpd's own answers come through refusal.c. That depends on how the executable
 * was linked; a server does not start without it. */
bool refusal_is_in_place(void);
