/* fuzz_page.c: ?limit= and ?before= of a list: the cursor that leads on reads as the place that it
 * was made of. The input is the query. */
#include "fuzz.h"
#include "routes/page.h"

#include "lib/base/buffer.h"
#include "lib/base/cleanup.h"
#include "lib/http/request.h"

enum { DEFAULT_LIMIT = 20 };

static struct http_site site;

/* The target that the Link header names. */
static char *next_target(const struct http_request *request) {
  assert(request->answer_header_count == 1 && strcmp(request->answer_headers[0].name, "Link") == 0);
  const char *link = request->answer_headers[0].value, *end = strchr(link, '>');
  assert(link[0] == '<' && end && strcmp(end, ">; rel=\"next\"") == 0);
  for (const char *at = link; at < end; at++)
    assert(*at > ' ' && *at <= '~' && *at != '"' && (at == link || *at != '<'));
  return strndup(link + 1, (size_t)(end - link - 1));
}

static void check_next(struct http_request *request, const struct page *page) {
  int64_t created_at_us = page->created_at_us / 2 + 1;
  if (!pg_time_exists(created_at_us)) created_at_us = page->created_at_us;
  struct uuid uuid = page->uuid;
  uuid.bytes[0] ^= 1;
  page_add_next(request, page, created_at_us, &uuid);
  _cleanup_free_ char *target = next_target(request);
  struct http_request *next = request_new(&site, target);
  struct codes codes = {0};
  struct page again;
  page_read(next, DEFAULT_LIMIT, &again, &codes);
  assert(codes.count == 0 && again.has_cursor && again.limit == page->limit);
  assert(again.created_at_us == created_at_us);
  assert(memcmp(again.uuid.bytes, uuid.bytes, UUID_SIZE) == 0);
  request_free(next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  _cleanup_(buffer_free) struct buffer target = BUFFER_EMPTY;
  buffer_append_text(&target, "/list?");
  buffer_append(&target, data, size);
  struct http_request *request = request_new(&site, buffer_text(&target));
  struct codes codes = {0};
  struct page page;
  page_read(request, DEFAULT_LIMIT, &page, &codes);
  assert(codes.count <= 2);
  assert(page.limit >= 1 && page.limit <= PAGE_LIMIT_HIGHEST);
  if (codes.count == 0) check_next(request, &page);
  request_free(request);
  return 0;
}
