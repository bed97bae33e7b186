/* docs.c: the API's OpenAPI description, and the page at /docs that shows it. Both are files of
 * docs/ embedded at build; the page asks no other host for anything. */
#include "routes/routes.h"

#include <pthread.h>

#define EMBEDDED(symbol)                                                                           \
  extern const unsigned char symbol[];                                                             \
  extern const unsigned long symbol##_size

EMBEDDED(docs_openapi);
EMBEDDED(docs_openapi_gzip);
EMBEDDED(docs_index);
EMBEDDED(docs_page_script);
EMBEDDED(docs_page_style);
EMBEDDED(docs_renderer_script);
EMBEDDED(docs_renderer_script_gzip);
EMBEDDED(docs_renderer_style);
EMBEDDED(docs_renderer_style_gzip);
EMBEDDED(docs_renderer_icon);
EMBEDDED(docs_renderer_license);
EMBEDDED(docs_renderer_license_gzip);
EMBEDDED(docs_renderer_notice);

/* A file and how it is served. */
struct asset {
  const char *name;
  const char *content_type;
  const unsigned char *bytes;
  const unsigned long *size;
  const unsigned char *gzip; /* NULL: it is small, or its format is compressed already */
  const unsigned long *gzip_size;
};

#define ASSET(name, content_type, symbol)                                                          \
  { name, content_type, symbol, &symbol##_size, NULL, NULL }
#define ASSET_WITH_GZIP(name, content_type, symbol)                                                \
  { name, content_type, symbol, &symbol##_size, symbol##_gzip, &symbol##_gzip_size }

enum { DESCRIPTION, INDEX, FIRST_ASSET };

/* What stands from FIRST_ASSET on is loaded by the index, from /docs/. */
static const struct asset ASSETS[] = {
    ASSET_WITH_GZIP("openapi.json", "application/json", docs_openapi),
    ASSET("index.html", "text/html; charset=utf-8", docs_index),
    ASSET("page.js", "text/javascript; charset=utf-8", docs_page_script),
    ASSET("page.css", "text/css; charset=utf-8", docs_page_style),
    ASSET_WITH_GZIP("swagger-ui-bundle.js", "text/javascript; charset=utf-8", docs_renderer_script),
    ASSET_WITH_GZIP("swagger-ui.css", "text/css; charset=utf-8", docs_renderer_style),
    ASSET("favicon-32x32.png", "image/png", docs_renderer_icon),
    ASSET_WITH_GZIP("swagger-ui-license.txt", "text/plain; charset=utf-8", docs_renderer_license),
    ASSET("swagger-ui-notice.txt", "text/plain; charset=utf-8", docs_renderer_notice),
};

enum { ASSET_COUNT = sizeof(ASSETS) / sizeof(ASSETS[0]) };

/* The same with their tags, shared by all loops. They are made when the first file is asked for: it
 * takes a few milliseconds, which would delay the start. */
static struct http_file files[ASSET_COUNT];
static pthread_once_t files_made = PTHREAD_ONCE_INIT;

static void make_files(void) {
  for (size_t i = 0; i < ASSET_COUNT; i++) {
    const struct asset *asset = &ASSETS[i];
    files[i].content_type = asset->content_type;
    files[i].bytes = (struct str){(const char *)asset->bytes, *asset->size};
    if (asset->gzip) files[i].gzip = (struct str){(const char *)asset->gzip, *asset->gzip_size};
    etag_make(files[i].bytes, files[i].tag);
  }
}

/* The page runs what this server serves, talks to this server, and is no one's frame. Swagger UI's
 * icons are data: URLs of its style sheet. */
#define CONTENT_SECURITY_POLICY                                                                    \
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "                \
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static void answer_asset(struct http_request *request, size_t place) {
  pthread_once(&files_made, make_files);
  http_answer_file(request, &files[place]);
}

static void get_description(struct http_request *request) {
  answer_asset(request, DESCRIPTION);
}

static void get_index(struct http_request *request) {
  http_answer_header(request, "Content-Security-Policy", CONTENT_SECURITY_POLICY);
  http_answer_header(request, "Referrer-Policy", "no-referrer");
  answer_asset(request, INDEX);
}

/* Caches keep it only for a short time: the next release has other files under the same names. */
static void get_asset(struct http_request *request) {
  struct str name = http_request_param(request, "file");
  for (size_t i = FIRST_ASSET; i < ASSET_COUNT; i++) {
    if (!str_equal(name, str_from(ASSETS[i].name))) continue;
    http_answer_header(request, "Cache-Control", "public, max-age=600");
    answer_asset(request, i);
    return;
  }
  http_answer_error(request, HTTP_NOT_FOUND, "generic_404");
}

const struct http_route docs_routes[] = {
    {HTTP_GET, "/api/openapi.json", HTTP_AUTH_NONE, 0, get_description, 0},
    {HTTP_GET, "/docs", HTTP_AUTH_NONE, 0, get_index, 0},
    {HTTP_GET, "/docs/", HTTP_AUTH_NONE, 0, get_index, 0},
    {HTTP_GET, "/docs/:file", HTTP_AUTH_NONE, 0, get_asset, 0},
    HTTP_ROUTES_END,
};
