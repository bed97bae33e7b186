/* build_origin.h: where a build comes from: its commit, who made it, and what they said about it.
 * For people who read the list of releases. */
#pragma once

#include "lib/sync/arena.h"

/* Each is "" where it is not known, and UTF-8. */
struct build_origin {
  const char *commit;
  const char *author;
  const char *message;
};

#define BUILD_ORIGIN_EMPTY ((struct build_origin){"", "", ""})

/* Asks git about the folder, for a few seconds at most; `message` (NULL: none) comes before that of
 * the commit. Without git or a repository the author is who runs this. */
struct build_origin build_origin_find(const char *folder, const char *message, struct arena *arena);
