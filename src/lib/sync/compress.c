/* compress.c: see compress.h. */
#include "lib/sync/compress.h"

#include <brotli/encode.h>
#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 9, BROTLI_QUALITY = 11 };

static const char *const ENDINGS[SYNC_VARIANTS] = {"", ".gz", ".br"};
static const char *const ENCODINGS[SYNC_VARIANTS] = {"", "gzip", "br"};

const char *compress_ending(enum sync_variant variant) {
  return ENDINGS[variant];
}

const char *compress_encoding(enum sync_variant variant) {
  return ENCODINGS[variant];
}

/* Without a header of its own zlib writes neither time nor name: the bytes depend on the input. */
static bool gzip(struct str input, struct buffer *output) {
  z_stream stream = {0};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    return false;
  size_t bound = deflateBound(&stream, (uLong)input.length);
  bool done = false;
  if (buffer_reserve(output, bound)) {
    stream.next_in = (Bytef *)(uintptr_t)input.data;
    stream.avail_in = (uInt)input.length;
    stream.next_out = (Bytef *)output->data + output->length;
    stream.avail_out = (uInt)bound;
    done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    if (done) output->length += stream.total_out;
  }
  deflateEnd(&stream);
  return done;
}

static bool brotli(struct str input, struct buffer *output) {
  size_t length = BrotliEncoderMaxCompressedSize(input.length);
  if (length == 0 || !buffer_reserve(output, length)) return false;
  if (!BrotliEncoderCompress(BROTLI_QUALITY, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC,
                             input.length, (const uint8_t *)input.data, &length,
                             (uint8_t *)output->data + output->length))
    return false;
  output->length += length;
  return true;
}

bool compress_bytes(enum sync_variant variant, struct str input, struct buffer *output,
                    struct error *error) {
  if (input.length > COMPRESS_SIZE_LIMIT)
    return error_set(error, ERROR_INVALID, "%zu bytes are too many to compress", input.length);
  bool done = false;
  if (variant == SYNC_PLAIN) {
    buffer_append_str(output, input);
    done = !output->failed;
  } else {
    done = variant == SYNC_GZIP ? gzip(input, output) : brotli(input, output);
  }
  return done || error_set(error, ERROR_MEMORY, "out of memory while compressing");
}
