/* results.h: what came of a plan: written by the steps of do/, read by the manifest and by the last
 * line that people see. */
#pragma once

#include "lib/sync/arena.h"

#include <stdint.h>

/* What became of a change that writes an object. */
struct sync_written {
  bool done;
  const char *etag;   /* "": not told */
  int64_t verified_s; /* when the bucket took it, by its own clock; 0: not told */
};

struct sync_results {
  bool started;                 /* something may have been written */
  struct sync_written *written; /* one a change of the plan */
  struct arena *arena;          /* holds these texts */

  size_t uploaded, copied, deleted, failed, invalidated;
  uint64_t bytes;
};
