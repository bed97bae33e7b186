/* gzip.h: bodies made smaller: the gzip coding of RFC 1952, by zlib. */
#pragma once

#include "lib/base/buffer.h"

struct gzip;

/* A compressor, which is used again and again: its memory, 256 KiB, is the costly part. NULL when
 * memory is out. */
struct gzip *gzip_new(void);

/* Takes NULL; returns NULL. */
struct gzip *gzip_free(struct gzip *gzip);

/* Appends `text` as one gzip stream. False, and `compressed` must not be used, when memory is out.
 */
bool gzip_append(struct gzip *gzip, struct str text, struct buffer *compressed);
