/* activities.c: Cruds: feeds, search, notifications, posting, replying. */
#include "routes/answers.h"
#include "routes/context.h"
#include "routes/idempotency.h"
#include "routes/input.h"
#include "routes/page.h"
#include "routes/routes.h"
#include "routes/search_term.h"

#include "lib/base/cleanup.h"

enum {
  HOME_LIMIT = 50,
  NOTIFICATIONS_LIMIT = 50,
  SEARCH_LIMIT = 50,
  PROFILE_LIMIT = 40,
  REPLIES_LIMIT = 100,
  MESSAGE_MAX_CHARS = 280,
  REPLY_MAX_CHARS = 1024,
};

_Static_assert((int)REPLIES_LIMIT <= (int)PAGE_LIMIT_HIGHEST, "the longest list is a page");

/* A list on its way: what its continuation needs. */
struct activity_list {
  struct http_request *request;
  struct page page;
  struct search_term term;
};

/* Reads the page; answers 422 and returns NULL when a rule is broken. */
static struct activity_list *begin_list(struct http_request *request, int32_t default_limit,
                                        struct codes *codes) {
  struct activity_list *list = http_request_alloc(request, sizeof(*list));
  if (!list) {
    http_answer_internal_error(request, "out of memory for a list");
    return NULL;
  }
  *list = (struct activity_list){.request = request};
  page_read(request, default_limit, &list->page, codes);
  if (codes->count > 0) {
    http_answer_codes(request, codes->list);
    return NULL;
  }
  return list;
}

static void answer_list(const struct activity_list *list, const struct pg_result *result) {
  struct buffer body = BUFFER_EMPTY;
  page_append(list->request, &list->page, result, &body);
  http_answer_json(list->request, HTTP_OK, &body);
}

/* --- GET /api/activities/home --- */

static void on_home(enum pg_outcome outcome, const struct pg_result *const *results,
                    const struct error *error, void *argument) {
  struct activity_list *list = argument;
  if (!answers_failure(list->request, outcome, error)) answer_list(list, results[0]);
}

static void get_home(struct http_request *request) {
  struct codes codes = {0};
  struct activity_list *list = begin_list(request, HOME_LIMIT, &codes);
  if (!list) return;
  struct pg_batch *batch = route_batch_new(request);
  pg_batch_add(batch, PG_ACTIVITIES_HOME);
  page_bind_before(batch, &list->page);
  page_bind_limit(batch, &list->page);
  pg_pool_submit(batch, on_home, list);
}

/* --- GET /api/activities/notifications --- */

static void on_notifications(enum pg_outcome outcome, const struct pg_result *const *results,
                             const struct error *error, void *argument) {
  struct activity_list *list = argument;
  if (answers_failure(list->request, outcome, error)) return;
  if (pg_result_rows(results[0]) == 0)
    http_answer_error(list->request, HTTP_UNPROCESSABLE, "user_not_found");
  else
    answer_list(list, results[1]);
}

static void get_notifications(struct http_request *request) {
  struct codes codes = {0};
  struct activity_list *list = begin_list(request, NOTIFICATIONS_LIMIT, &codes);
  if (!list) return;
  struct pg_batch *batch = route_batch_new(request);
  pg_batch_add(batch, PG_USERS_BY_SUB);
  pg_batch_bind_text(batch, http_request_sub(request));
  pg_batch_add(batch, PG_ACTIVITIES_NOTIFICATIONS);
  pg_batch_bind_text(batch, http_request_sub(request));
  page_bind_before(batch, &list->page);
  page_bind_limit(batch, &list->page);
  pg_pool_submit(batch, on_notifications, list);
}

/* --- GET /api/activities/search --- */

static void on_search_indexed(enum pg_outcome outcome, const struct pg_result *const *results,
                              const struct error *error, void *argument) {
  struct activity_list *list = argument;
  search_term_free(&list->term);
  if (!answers_failure(list->request, outcome, error)) answer_list(list, results[0]);
}

/* Looks the term up in the index of trigrams. */
static void submit_search_indexed(struct activity_list *list) {
  struct pg_batch *batch = route_batch_new(list->request);
  pg_batch_add(batch, PG_ACTIVITIES_SEARCH_INDEXED);
  for (unsigned i = 0; i < SEARCH_PATTERNS; i++)
    pg_batch_bind_text(batch, buffer_str(&list->term.words[i]));
  pg_batch_bind_text(batch, buffer_str(&list->term.handle));
  page_bind_before(batch, &list->page);
  page_bind_limit(batch, &list->page);
  pg_batch_bind_text(batch, buffer_str(&list->term.all));
  pg_pool_submit(batch, on_search_indexed, list);
}

/* `has_end`: rows were looked through up to a place, and the next page goes on behind it. */
static void answer_looked(struct activity_list *list, const struct pg_result *result,
                          bool has_end) {
  if (has_end) {
    struct uuid uuid = pg_result_uuid(result, 0, "_end_uuid");
    page_add_next(list->request, &list->page, pg_result_timestamp(result, 0, "_end_at"), &uuid);
  }
  struct buffer body = BUFFER_EMPTY;
  if (pg_result_is_null(result, 0, "uuid"))
    buffer_append_text(&body, "[]");
  else
    page_append(list->request, &list->page, result, &body);
  http_answer_json(list->request, HTTP_OK, &body);
}

static void on_search(enum pg_outcome outcome, const struct pg_result *const *results,
                      const struct error *error, void *argument) {
  struct activity_list *list = argument;
  bool done = outcome == PG_DONE;
  const struct pg_result *result = done ? results[0] : NULL;
  bool is_full = done && pg_result_rows(result) > (size_t)list->page.limit;
  bool has_end = done && !is_full && !pg_result_is_null(result, 0, "_end_at");
  if (has_end && !pg_result_is_null(result, 0, "_indexed")) {
    submit_search_indexed(list);
    return;
  }
  search_term_free(&list->term);
  if (!answers_failure(list->request, outcome, error)) answer_looked(list, result, has_end);
}

static void submit_search(struct activity_list *list) {
  struct pg_batch *batch = route_batch_new(list->request);
  pg_batch_add(batch, PG_ACTIVITIES_SEARCH);
  pg_batch_bind_text(batch, buffer_str(&list->term.all));
  pg_batch_bind_text(batch, buffer_str(&list->term.handle));
  page_bind_before(batch, &list->page);
  page_bind_limit(batch, &list->page);
  pg_pool_submit(batch, on_search, list);
}

/* The next page is of the same term. */
static bool keep_term(struct activity_list *list, struct str term) {
  char *copy = http_request_alloc(list->request, term.length);
  if (!copy) return false;
  memcpy(copy, term.data, term.length);
  list->page.term = (struct str){copy, term.length};
  return true;
}

static void get_search(struct http_request *request) {
  struct codes codes = {0};
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  search_term_find(http_request_raw_query(request), &text);
  const char *fault = search_term_fault(buffer_str(&text));
  if (fault) codes_add(&codes, fault);
  struct activity_list *list = begin_list(request, SEARCH_LIMIT, &codes);
  if (!list) return;
  if (text.failed || !keep_term(list, buffer_str(&text)) ||
      !search_term_read(buffer_str(&text), &list->term))
    http_answer_internal_error(request, "out of memory for a search term");
  else
    submit_search(list);
}

/* --- GET /api/activities/@handle --- */

static void on_profile(enum pg_outcome outcome, const struct pg_result *const *results,
                       const struct error *error, void *argument) {
  struct activity_list *list = argument;
  if (answers_failure(list->request, outcome, error)) return;
  if (pg_result_rows(results[0]) == 0) {
    http_answer_error(list->request, HTTP_NOT_FOUND, "user_not_found");
    return;
  }
  struct buffer body = BUFFER_EMPTY;
  buffer_append_text(&body, "{\"profile\":");
  pg_result_append_object(results[0], 0, &body);
  buffer_append_text(&body, ",\"activities\":");
  page_append(list->request, &list->page, results[1], &body);
  buffer_append_char(&body, '}');
  http_answer_json(list->request, HTTP_OK, &body);
}

static void get_profile(struct http_request *request) {
  struct codes codes = {0};
  struct activity_list *list = begin_list(request, PROFILE_LIMIT, &codes);
  if (!list) return;
  struct str handle = http_request_param(request, "handle");
  struct pg_batch *batch = route_batch_new(request);
  pg_batch_add(batch, PG_USERS_PROFILE);
  pg_batch_bind_text(batch, handle);
  pg_batch_add(batch, PG_ACTIVITIES_PROFILE);
  pg_batch_bind_text(batch, handle);
  page_bind_before(batch, &list->page);
  page_bind_limit(batch, &list->page);
  pg_pool_submit(batch, on_profile, list);
}

/* --- GET /api/activities/@handle/status/uuid --- */

static void on_status(enum pg_outcome outcome, const struct pg_result *const *results,
                      const struct error *error, void *argument) {
  struct activity_list *list = argument;
  if (answers_failure(list->request, outcome, error)) return;
  if (pg_result_rows(results[0]) == 0) {
    http_answer_error(list->request, HTTP_NOT_FOUND, "activity_not_found");
    return;
  }
  struct buffer body = BUFFER_EMPTY;
  buffer_append_text(&body, "{\"activity\":");
  pg_result_append_object(results[0], 0, &body);
  buffer_append_text(&body, ",\"replies\":");
  page_append(list->request, &list->page, results[1], &body);
  buffer_append_char(&body, '}');
  http_answer_json(list->request, HTTP_OK, &body);
}

/* The path's UUID, kept with the request; answers 404 and returns NULL when it is no UUID. */
static struct uuid *read_uuid(struct http_request *request) {
  struct uuid *uuid = http_request_alloc(request, sizeof(*uuid));
  if (uuid && uuid_parse(http_request_param(request, "uuid"), uuid)) return uuid;
  http_answer_error(request, HTTP_NOT_FOUND, "activity_not_found");
  return NULL;
}

static void get_status(struct http_request *request) {
  struct uuid *uuid = read_uuid(request);
  if (!uuid) return;
  struct codes codes = {0};
  struct activity_list *list = begin_list(request, REPLIES_LIMIT, &codes);
  if (!list) return;
  struct pg_batch *batch = route_batch_new(request);
  pg_batch_add(batch, PG_ACTIVITIES_STATUS);
  pg_batch_bind_text(batch, http_request_param(request, "handle"));
  pg_batch_bind_uuid(batch, uuid);
  pg_batch_add(batch, PG_ACTIVITIES_REPLIES);
  pg_batch_bind_uuid(batch, uuid);
  page_bind_after(batch, &list->page);
  page_bind_limit(batch, &list->page);
  pg_pool_submit(batch, on_status, list);
}

/* --- POST /api/activities --- */

static bool read_ttl(struct str text, int32_t *ret_seconds) {
  enum { HOUR = 3600, DAY = 24 * HOUR };
  static const struct {
    const char *name;
    int32_t seconds;
  } TTLS[] = {
      {"30-days", 30 * DAY},   {"7-days", 7 * DAY},   {"3-days", 3 * DAY}, {"1-day", DAY},
      {"12-hours", 12 * HOUR}, {"3-hours", 3 * HOUR}, {"1-hour", HOUR},
  };
  for (size_t i = 0; i < sizeof(TTLS) / sizeof(TTLS[0]); i++) {
    if (!str_equal(text, str_from(TTLS[i].name))) continue;
    *ret_seconds = TTLS[i].seconds;
    return true;
  }
  return false;
}

static void on_created(enum pg_outcome outcome, const struct pg_result *const *results,
                       const struct error *error, void *argument) {
  struct http_request *request = argument;
  if (!answers_failure(request, outcome, error))
    answers_row_or(request, results[0], HTTP_UNPROCESSABLE, "user_not_found");
}

static void on_created_once(enum pg_outcome outcome, const struct pg_result *const *results,
                            const struct error *error, void *argument) {
  struct http_request *request = argument;
  if (!answers_failure(request, outcome, error) && !idempotency_answers_reuse(request, results[0]))
    answers_row_or(request, results[0], HTTP_UNPROCESSABLE, "user_not_found");
}

static void post_activity(struct http_request *request) {
  const struct idempotency *once;
  if (!idempotency_read(request, STR("POST /api/activities"), STR(""), &once)) return;
  struct codes codes = {0};
  struct str message = input_text(request, "message");
  int32_t ttl_seconds = 0;
  input_check_text(&codes, message, MESSAGE_MAX_CHARS, "message_blank", "message_exceed_max_chars");
  if (!read_ttl(input_text(request, "ttl"), &ttl_seconds)) codes_add(&codes, "ttl_blank");
  if (codes.count > 0) {
    http_answer_codes(request, codes.list);
    return;
  }
  struct pg_batch *batch = route_batch_new(request);
  pg_batch_add(batch, once ? PG_ACTIVITIES_CREATE_ONCE : PG_ACTIVITIES_CREATE);
  pg_batch_bind_text(batch, http_request_sub(request));
  pg_batch_bind_text(batch, message);
  pg_batch_bind_int(batch, ttl_seconds);
  if (once) idempotency_bind(batch, once);
  pg_pool_submit(batch, once ? on_created_once : on_created, request);
}

/* --- POST /api/activities/uuid/reply --- */

static void answer_reply(struct http_request *request, const struct pg_result *result) {
  if (pg_result_is_null(result, 0, "_caller"))
    http_answer_error(request, HTTP_UNPROCESSABLE, "user_not_found");
  else if (pg_result_is_null(result, 0, "uuid"))
    http_answer_error(request, HTTP_NOT_FOUND, "activity_not_found");
  else
    answers_row(request, result);
}

static void on_replied(enum pg_outcome outcome, const struct pg_result *const *results,
                       const struct error *error, void *argument) {
  struct http_request *request = argument;
  if (!answers_failure(request, outcome, error)) answer_reply(request, results[0]);
}

static void on_replied_once(enum pg_outcome outcome, const struct pg_result *const *results,
                            const struct error *error, void *argument) {
  struct http_request *request = argument;
  if (!answers_failure(request, outcome, error) && !idempotency_answers_reuse(request, results[0]))
    answer_reply(request, results[0]);
}

static void post_reply(struct http_request *request) {
  const struct idempotency *once;
  if (!idempotency_read(request, STR("POST /api/activities/:uuid/reply"),
                        http_request_param(request, "uuid"), &once))
    return;
  struct codes codes = {0};
  struct str message = input_text(request, "message");
  input_check_text(&codes, message, REPLY_MAX_CHARS, "message_blank",
                   "message_exceed_max_chars_1024");
  if (codes.count > 0) {
    http_answer_codes(request, codes.list);
    return;
  }
  struct uuid *parent = read_uuid(request);
  if (!parent) return;
  struct pg_batch *batch = route_batch_new(request);
  pg_batch_add(batch, once ? PG_ACTIVITIES_REPLY_ONCE : PG_ACTIVITIES_REPLY);
  pg_batch_bind_text(batch, http_request_sub(request));
  pg_batch_bind_text(batch, message);
  pg_batch_bind_uuid(batch, parent);
  if (once)
    idempotency_bind(batch, once);
  else
    pg_batch_lock(batch, parent);
  pg_pool_submit(batch, once ? on_replied_once : on_replied, request);
}

const struct http_route activities_routes[] = {
    {HTTP_GET, "/api/activities/home", HTTP_AUTH_SHARED, 0, get_home, 1},
    {HTTP_GET, "/api/activities/notifications", HTTP_AUTH_REQUIRED, 0, get_notifications,
     HTTP_HEAVY_READ},
    {HTTP_GET, "/api/activities/search", HTTP_AUTH_SHARED, 0, get_search, HTTP_HEAVY_READ},
    {HTTP_GET, "/api/activities/@:handle", HTTP_AUTH_SHARED, 0, get_profile, 1},
    {HTTP_GET, "/api/activities/@:handle/status/:uuid", HTTP_AUTH_SHARED, 0, get_status, 1},
    {HTTP_POST, "/api/activities", HTTP_AUTH_REQUIRED, HTTP_BODY_LIMIT, post_activity, 0},
    {HTTP_POST, "/api/activities/:uuid/reply", HTTP_AUTH_REQUIRED, HTTP_BODY_LIMIT, post_reply, 0},
    HTTP_ROUTES_END,
};
