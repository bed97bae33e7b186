/* file.h: small files, each read and written as a whole. Not for the loop: these functions wait for
 * the disk. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"

#include <sys/types.h>

/* Reads a file of at most `limit` bytes into `ret_text`, which the caller frees. The error names
 * the path; it is of kind NOT_FOUND when there is no such file, INVALID when it is longer, else
 * CONFLICT. */
bool file_read(const char *path, size_t limit, struct buffer *ret_text, struct error *error);

/* Puts `text` in the place of the file at once: readers see the old text or the new one, never a
 * part. A new file gets `mode`, less the umask. It is on the disk when this returns. What is no
 * file, such as a device, is written to instead. */
bool file_replace(const char *path, struct str text, mode_t mode, struct error *error);

/* The same, but a file that is there already stays as it is; that is no error. */
bool file_create(const char *path, struct str text, mode_t mode, struct error *error);

/* Makes the folders that `path` lies in, where they are missing. */
bool file_make_parents(const char *path, struct error *error);
