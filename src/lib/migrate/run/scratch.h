/* scratch.h: a database of its own, beside the one of the URL, that is dropped at the end. Private
 * to the room. */
#pragma once

#include "lib/migrate/run/migrate_session.h"

struct scratch {
  struct migrate_session home; /* connected to the database of the URL; it makes and drops */
  struct buffer name;          /* empty: there is none to drop */
};

/* Connects and makes the database, named after the one of the URL and `what`. scratch_close() is
 * due whatever becomes of it. */
bool scratch_open(struct scratch *scratch, const struct migrate_options *options, const char *what,
                  const struct migrate_reporter *reporter, struct error *error);
const char *scratch_name(struct scratch *scratch);

/* Drops it, also after an interrupt; a warning is said when it cannot be dropped. */
void scratch_close(struct scratch *scratch);
