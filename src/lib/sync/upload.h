/* upload.h: writes the objects of a plan: by uploading files, or by copies within the bucket. */
#pragma once

#include "lib/sync/run.h"

/* What became of a change, for the manifest. */
struct upload_result {
  bool done;
  const char *etag;   /* "": not told */
  int64_t verified_s; /* when the bucket took it, by its own clock; 0: not told */
};

/* Works through the changes with these indexes, many at once. `results` has one entry a change of
 * the plan. Failures are told to the observer; false when there was one, which `error` holds. */
bool upload_changes(struct sync_run *run, const size_t *indexes, size_t count, const char *what,
                    struct upload_result *results, struct error *error);

/* The milliseconds that so many bytes may take beyond what every request may: slow lines upload
 * large files as well. */
uint64_t upload_allowance_ms(uint64_t bytes);
