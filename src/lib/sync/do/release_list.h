/* release_list.h: the list of what a release consists of, .cruddur/releases/N.json: what a rollback
 * needs to know of it. */
#pragma once

#include "lib/sync/plan/sync_plan.h"

enum { RELEASE_LIST_SIZE_LIMIT = 64 * 1024 * 1024 };

/* Writes the list of release `number`: the objects of `build` and what it needs. */
bool release_list_write(const struct sync_session *session, const struct sync_place *place,
                        const struct sync_build *build, uint64_t number, struct arena *arena,
                        struct error *error);

/* Reads the list of release `number` as a build without a folder: pages and files are its objects,
 * assets are what it needs. Fails as ERROR_REFUSED when the list is gone or cannot be read. */
bool release_list_read(const struct sync_session *session, const struct sync_place *place,
                       uint64_t number, struct arena *arena, struct sync_build *ret_build,
                       struct error *error);
