/* compress.h: the compressed variants of a file: the same input gives the same bytes each time. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"

enum sync_variant { SYNC_PLAIN, SYNC_GZIP, SYNC_BROTLI, SYNC_VARIANTS };

enum { COMPRESS_SIZE_LIMIT = 8 * 1024 * 1024 }; /* larger files have no variants */

/* What stands behind the key (".gz", ".br") and in Content-Encoding ("gzip", "br"); "" for
 * SYNC_PLAIN. */
const char *compress_ending(enum sync_variant variant);
const char *compress_encoding(enum sync_variant variant);

/* Appends `input`, compressed as well as the format can. Fails when memory is out. */
bool compress_bytes(enum sync_variant variant, struct str input, struct buffer *output,
                    struct error *error);
