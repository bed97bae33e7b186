/* gzip.c: a compressor of zlib that is reset instead of made again. One belongs to one loop. */
#include "lib/http/gzip.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

/* Answers are compressed while others wait: see docs/performance.md for what other levels cost. */
enum { LEVEL = 1, MEMORY_LEVEL = 8, GZIP_WINDOW = 15 + 16 /* 16: a gzip header, not zlib's */ };

struct gzip {
  z_stream stream;
};

struct gzip *gzip_new(void) {
  struct gzip *gzip = calloc(1, sizeof(*gzip));
  if (!gzip) return NULL;
  if (deflateInit2(&gzip->stream, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL,
                   Z_DEFAULT_STRATEGY) == Z_OK)
    return gzip;
  free(gzip);
  return NULL;
}

struct gzip *gzip_free(struct gzip *gzip) {
  if (gzip) deflateEnd(&gzip->stream);
  free(gzip);
  return NULL;
}

bool gzip_append(struct gzip *gzip, struct str text, struct buffer *compressed) {
  z_stream *stream = &gzip->stream;
  if (text.length > UINT_MAX || deflateReset(stream) != Z_OK) return false;
  size_t bound = deflateBound(stream, text.length);
  if (bound > UINT_MAX || !buffer_reserve(compressed, bound)) return false;
  stream->next_in = (Bytef *)(uintptr_t)text.data; /* read only, though zlib's type says else */
  stream->avail_in = (unsigned)text.length;
  stream->next_out = (Bytef *)compressed->data + compressed->length;
  stream->avail_out = (unsigned)bound;
  if (deflate(stream, Z_FINISH) != Z_STREAM_END) return false;
  compressed->length += stream->total_out;
  return true;
}
