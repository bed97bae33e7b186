/* preview.h: a build that is shipped below a folder of its own, previews/NAME/, to be looked at
 * before it is the site. */
#pragma once

#include "lib/sync/want/build.h"

#define PREVIEW_FOLDER "previews/"

/* True for what may be a preview's name: 1 to 63 small letters, digits and dashes. */
bool preview_is_name(const char *name);

/* Fails as ERROR_REFUSED when the top page of `build` refers to a path that is not below `prefix`:
 * the preview would load the assets of the site that is live. */
bool preview_check(const struct sync_build *build, const char *prefix, struct error *error);

/* The length of the part of `key` (below the prefix of the site) that is a preview's folder with
 * its
 * '/'; 0: it is in none. */
size_t preview_folder_length(const char *key);
