/* mime.c: what a file is, by its name. */
#include "lib/sync/want/mime.h"

#include <stdlib.h>
#include <strings.h>

struct mime_entry {
  const char *ending, *type;
};

#define TEXT(type) type "; charset=utf-8"

/* Sorted by ending. */
static const struct mime_entry ENTRIES[] = {
    {"3gp", "video/3gpp"},
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"apng", "image/apng"},
    {"appcache", TEXT("text/cache-manifest")},
    {"atom", TEXT("application/atom+xml")},
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"bin", "application/octet-stream"},
    {"bmp", "image/bmp"},
    {"br", "application/octet-stream"},
    {"bz2", "application/x-bzip2"},
    {"cjs", TEXT("text/javascript")},
    {"css", TEXT("text/css")},
    {"csv", TEXT("text/csv")},
    {"cur", "image/x-icon"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"eot", "application/vnd.ms-fontobject"},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"geojson", "application/geo+json"},
    {"gif", "image/gif"},
    {"glb", "model/gltf-binary"},
    {"gltf", "model/gltf+json"},
    {"gz", "application/gzip"},
    {"heic", "image/heic"},
    {"heif", "image/heif"},
    {"htm", TEXT("text/html")},
    {"html", TEXT("text/html")},
    {"ico", "image/x-icon"},
    {"ics", TEXT("text/calendar")},
    {"jfif", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", TEXT("text/javascript")},
    {"json", "application/json"},
    {"json5", "application/json5"},
    {"jsonld", "application/ld+json"},
    {"jxl", "image/jxl"},
    {"less", TEXT("text/css")},
    {"m3u8", "application/vnd.apple.mpegurl"},
    {"m4a", "audio/mp4"},
    {"m4v", "video/mp4"},
    {"map", "application/json"},
    {"markdown", TEXT("text/markdown")},
    {"md", TEXT("text/markdown")},
    {"mid", "audio/midi"},
    {"midi", "audio/midi"},
    {"mjs", TEXT("text/javascript")},
    {"mkv", "video/x-matroska"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpd", "application/dash+xml"},
    {"mpeg", "video/mpeg"},
    {"mpg", "video/mpeg"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"opus", "audio/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"ps", "application/postscript"},
    {"rar", "application/vnd.rar"},
    {"rss", TEXT("application/rss+xml")},
    {"rtf", "application/rtf"},
    {"svg", "image/svg+xml"},
    {"svgz", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"toml", TEXT("application/toml")},
    {"ts", "video/mp2t"},
    {"tsv", TEXT("text/tab-separated-values")},
    {"ttc", "font/collection"},
    {"ttf", "font/ttf"},
    {"txt", TEXT("text/plain")},
    {"vcf", TEXT("text/vcard")},
    {"vtt", TEXT("text/vtt")},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", TEXT("application/xhtml+xml")},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", TEXT("application/xml")},
    {"xsl", TEXT("application/xslt+xml")},
    {"xz", "application/x-xz"},
    {"yaml", TEXT("application/yaml")},
    {"yml", TEXT("application/yaml")},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};

enum { ENDING_LENGTH_LIMIT = 16 };

static struct str name_of(struct str path) {
  const char *slash = path.length > 0 ? memrchr(path.data, '/', path.length) : NULL;
  if (!slash) return path;
  size_t skipped = (size_t)(slash + 1 - path.data);
  return (struct str){slash + 1, path.length - skipped};
}

static int compare_entry(const void *key, const void *entry) {
  return strcasecmp(key, ((const struct mime_entry *)entry)->ending);
}

const char *mime_type(struct str path) {
  struct str name = name_of(path);
  const char *dot = name.length > 0 ? memrchr(name.data, '.', name.length) : NULL;
  size_t length = dot ? name.length - (size_t)(dot + 1 - name.data) : 0;
  const struct mime_entry *entry = NULL;
  if (length > 0 && length < ENDING_LENGTH_LIMIT) {
    char ending[ENDING_LENGTH_LIMIT] = {0};
    memcpy(ending, dot + 1, length);
    entry = bsearch(ending, ENTRIES, sizeof(ENTRIES) / sizeof(ENTRIES[0]), sizeof(ENTRIES[0]),
                    compare_entry);
  }
  return entry ? entry->type : "application/octet-stream";
}
