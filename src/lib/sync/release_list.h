/* release_list.h: the list of what a release consists of, <prefix>.cruddur/releases/N.json: what a
 * rollback needs to know of it. */
#pragma once

#include "lib/sync/run.h"

enum { RELEASE_SIZE_LIMIT = 64 * 1024 * 1024 };

/* The key of the list of a release. */
const char *release_list_key(struct sync_run *run, uint64_t number);

/* Writes the list of release `number`: the objects of run->build and run->restored_assets. */
bool release_list_write(struct sync_run *run, uint64_t number, struct error *error);

/* Reads the list of release `number`, as objects sorted by key. Of an asset nothing but the key is
 * told. ERROR_NOT_FOUND: the list is gone. */
bool release_list_read(struct sync_run *run, uint64_t number, struct sync_build *ret_objects,
                       struct error *error);
