/* page.c: lists in pages: reads ?limit= and ?before=, binds them, and writes the Link header. */
#include "routes/page.h"

#include "lib/base/encoding.h"
#include "lib/base/json_writer.h"
#include "lib/pg/pg_time.h"

#include <assert.h>
#include <endian.h>

enum { CURSOR_VERSION = 1, CURSOR_SIZE = 1 + 8 + UUID_SIZE };

/* Greater than every row, for lists from new to old. */
static const struct uuid LAST_UUID = {
    {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}};
static const struct uuid FIRST_UUID = {{0}};

static bool read_limit(struct str text, int32_t *ret_limit) {
  uint64_t limit;
  if (text.length > 3 || !str_to_u64(text, 1, PAGE_LIMIT_HIGHEST, &limit)) return false;
  *ret_limit = (int32_t)limit;
  return true;
}

static bool read_cursor(struct str text, struct page *page) {
  unsigned char bytes[CURSOR_SIZE];
  size_t length = 0;
  if (!encoding_base64url_decode(text, bytes, sizeof(bytes), &length)) return false;
  if (length != CURSOR_SIZE || bytes[0] != CURSOR_VERSION) return false;
  uint64_t network_order;
  memcpy(&network_order, bytes + 1, sizeof(network_order));
  page->created_at_us = (int64_t)be64toh(network_order);
  memcpy(page->uuid.bytes, bytes + 1 + sizeof(network_order), UUID_SIZE);
  page->has_cursor = true;
  return pg_time_exists(page->created_at_us);
}

static void append_cursor(struct buffer *buffer, int64_t created_at_us, const struct uuid *uuid) {
  unsigned char bytes[CURSOR_SIZE] = {CURSOR_VERSION};
  uint64_t network_order = htobe64((uint64_t)created_at_us);
  memcpy(bytes + 1, &network_order, sizeof(network_order));
  memcpy(bytes + 1 + sizeof(network_order), uuid->bytes, UUID_SIZE);
  encoding_base64url_append(buffer, bytes, sizeof(bytes));
}

void page_read(struct http_request *request, int32_t default_limit, struct page *ret_page,
               struct codes *codes) {
  assert(default_limit >= 1 && default_limit <= PAGE_LIMIT_HIGHEST);
  *ret_page = (struct page){.limit = default_limit};
  struct str value;
  if (http_request_query(request, "limit", &value) && !read_limit(value, &ret_page->limit))
    codes_add(codes, "limit_invalid");
  if (http_request_query(request, "before", &value) && !read_cursor(value, ret_page))
    codes_add(codes, "cursor_invalid");
}

void page_bind_before(struct pg_batch *batch, const struct page *page) {
  pg_batch_bind_timestamp(batch, page->has_cursor ? page->created_at_us : PG_TIME_INFINITY);
  pg_batch_bind_uuid(batch, page->has_cursor ? &page->uuid : &LAST_UUID);
}

void page_bind_after(struct pg_batch *batch, const struct page *page) {
  pg_batch_bind_timestamp(batch, page->has_cursor ? page->created_at_us : PG_TIME_MINUS_INFINITY);
  pg_batch_bind_uuid(batch, page->has_cursor ? &page->uuid : &FIRST_UUID);
}

void page_bind_limit(struct pg_batch *batch, const struct page *page) {
  assert(page->limit >= 1 && page->limit <= PAGE_LIMIT_HIGHEST);
  pg_batch_bind_int(batch, page->limit + 1);
}

/* Appends part of a target as it came. What would end the link, or is not allowed in a URI, is
 * percent-encoded (RFC 3986). */
static void append_part(struct buffer *buffer, struct str part) {
  for (size_t i = 0; i < part.length; i++) {
    unsigned char byte = (unsigned char)part.data[i];
    if (byte <= ' ' || byte >= 0x7F || strchr("<>\"", byte))
      encoding_percent_append(buffer, (struct str){part.data + i, 1});
    else
      buffer_append_char(buffer, part.data[i]);
  }
}

/* The same target with another cursor, and with what its route knows: a parameter that means
 * nothing may be longer than a header. */
static void append_next_target(const struct http_request *request, const struct page *page,
                               int64_t created_at_us, const struct uuid *uuid,
                               struct buffer *buffer) {
  append_part(buffer, http_request_path(request));
  buffer_append_text(buffer, "?limit=");
  json_writer_int(buffer, page->limit);
  buffer_append_text(buffer, "&before=");
  append_cursor(buffer, created_at_us, uuid);
  if (page->term.length == 0) return;
  buffer_append_text(buffer, "&term=");
  encoding_percent_append(buffer, page->term);
}

void page_add_next(struct http_request *request, const struct page *page, int64_t created_at_us,
                   const struct uuid *uuid) {
  struct buffer link = BUFFER_EMPTY;
  buffer_append_char(&link, '<');
  append_next_target(request, page, created_at_us, uuid, &link);
  buffer_append_text(&link, ">; rel=\"next\"");
  http_answer_header(request, "Link", buffer_text(&link));
  buffer_free(&link);
}

static void add_link(struct http_request *request, const struct page *page,
                     const struct pg_result *result) {
  size_t last = (size_t)page->limit - 1;
  struct uuid uuid = pg_result_uuid(result, last, "uuid");
  page_add_next(request, page, pg_result_timestamp(result, last, "created_at"), &uuid);
}

void page_append(struct http_request *request, const struct page *page,
                 const struct pg_result *result, struct buffer *body) {
  assert(pg_result_rows(result) <= (size_t)page->limit + 1);
  if (pg_result_rows(result) > (size_t)page->limit) add_link(request, page, result);
  pg_result_append_array(result, 0, (size_t)page->limit, body);
}
