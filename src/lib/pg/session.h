/* session.h: a plain, blocking Postgres session for commands (migrate, seed checks, user updates).
 * The server uses pool.h. libpq-fe.h is included in this room alone, so results come as text. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct pg_session;
struct pg_rows;
