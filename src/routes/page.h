/* page.h: lists in pages: ?limit=, ?before= and the Link header that leads on.
 *
 * A cursor is the place of the last row of a page, (created_at, uuid), in base64url: opaque to
 * clients, and as good on every instance. */
#pragma once

#include "routes/input.h"

#include "lib/http/http.h"
#include "lib/pg/pool.h"

/* The statements of lists know this bound: see LIMIT in db/sql. */
enum { PAGE_LIMIT_HIGHEST = PG_PAGE_LIMIT };

struct page {
  int32_t limit;
  bool has_cursor;
  int64_t created_at_us; /* of the cursor; see pg_time.h */
  struct uuid uuid;
  struct str term; /* what is searched for, which the next page is too; empty: nothing */
};

/* Reads ?limit= (`default_limit` where it is missing, PAGE_LIMIT_HIGHEST at most) and ?before=;
 * adds limit_invalid and cursor_invalid to `codes`. */
void page_read(struct http_request *request, int32_t default_limit, struct page *ret_page,
               struct codes *codes);

/* Binds the place after which a list that runs from new to old, or from old to new, goes on. */
void page_bind_before(struct pg_batch *batch, const struct page *page);
void page_bind_after(struct pg_batch *batch, const struct page *page);

/* Binds the number of rows to ask for: one more than the page, to know whether there are more. */
void page_bind_limit(struct pg_batch *batch, const struct page *page);

/* Adds the Link header to the next page, which goes on after this place. */
void page_add_next(struct http_request *request, const struct page *page, int64_t created_at_us,
                   const struct uuid *uuid);

/* Appends the page's rows as an array and, when there are more, adds the Link header. */
void page_append(struct http_request *request, const struct page *page,
                 const struct pg_result *result, struct buffer *body);
