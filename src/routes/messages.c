/* messages.c: direct messages: groups, their messages, sending. */
#include "lib/messages/messages.h"

#include "routes/answers.h"
#include "routes/context.h"
#include "routes/idempotency.h"
#include "routes/input.h"
#include "routes/page.h"
#include "routes/routes.h"

#include "lib/base/log.h"
#include "lib/base/utf8.h"

enum { GROUPS_LIMIT = 50, MESSAGES_LIMIT = 20, MESSAGE_MAX_CHARS = 1024 };

_Static_assert((int)PAGE_LIMIT_HIGHEST == (int)MESSAGES_PAGE_LIMIT, "a page fits the store");

/* A call of the store on its way: what it borrows and what its continuation needs. */
struct exchange {
  struct http_request *request;
  struct page page;
  struct message_page store_page;
  struct uuid group;
};

static void answer_trouble(struct http_request *request, const struct message_answer *answer) {
  static const struct {
    enum http_status status;
    const char *code;
  } ANSWERS[] = {
      [MESSAGES_NO_CALLER] = {HTTP_UNPROCESSABLE, "user_not_found"},
      [MESSAGES_NO_RECIPIENT] = {HTTP_UNPROCESSABLE, "user_not_found"},
      [MESSAGES_SELF] = {HTTP_UNPROCESSABLE, "user_reciever_handle_self"},
      [MESSAGES_NO_GROUP] = {HTTP_NOT_FOUND, "message_group_not_found"},
      [MESSAGES_KEY_REUSED] = {HTTP_UNPROCESSABLE, "idempotency_key_reused"},
  };
  switch (answer->outcome) {
  case MESSAGES_UNAVAILABLE:
    log_event(LOG_LEVEL_WARNING, "messages unavailable",
              log_str("request_id", http_request_id(request)),
              log_text("reason", answer->error->message), LOG_END);
    http_answer_unavailable(request);
    break;
  case MESSAGES_DONE:
  case MESSAGES_FAILED: http_answer_internal_error(request, answer->error->message); break;
  default:
    http_answer_error(request, ANSWERS[answer->outcome].status, ANSWERS[answer->outcome].code);
  }
}

static void on_answer(const struct message_answer *answer, void *argument) {
  const struct exchange *exchange = argument;
  if (answer->outcome != MESSAGES_DONE) {
    answer_trouble(exchange->request, answer);
    return;
  }
  if (answer->more)
    page_add_next(exchange->request, &exchange->page, answer->next.created_at_us,
                  &answer->next.uuid);
  http_answer_json(exchange->request, HTTP_OK, answer->body);
}

static struct message_caller caller_of(const struct http_request *request) {
  return (struct message_caller){.sub = http_request_user(request),
                                 .trace = http_request_trace(request)};
}

static struct message_caller caller_with_key(const struct http_request *request,
                                             const struct idempotency *once) {
  struct message_caller caller = caller_of(request);
  if (once) {
    caller.key = once->key;
    caller.request_hash = idempotency_hash_str(once);
  }
  return caller;
}

/* NULL when memory is out; that is answered then. */
static struct exchange *exchange_new(struct http_request *request) {
  struct exchange *exchange = http_request_alloc(request, sizeof(*exchange));
  if (!exchange) {
    http_answer_internal_error(request, "out of memory for messages");
    return NULL;
  }
  *exchange = (struct exchange){.request = request};
  return exchange;
}

/* Reads the page of a list; answers 422 and returns NULL when a rule is broken. */
static struct exchange *begin_list(struct http_request *request, int32_t default_limit) {
  struct exchange *exchange = exchange_new(request);
  if (!exchange) return NULL;
  struct codes codes = {0};
  struct page *page = &exchange->page;
  page_read(request, default_limit, page, &codes);
  if (codes.count > 0) {
    http_answer_codes(request, codes.list);
    return NULL;
  }
  exchange->store_page = (struct message_page){
      .limit = page->limit,
      .has_before = page->has_cursor,
      .before = {.created_at_us = page->created_at_us, .uuid = page->uuid},
  };
  return exchange;
}

/* --- GET /api/message_groups --- */

static void get_groups(struct http_request *request) {
  struct exchange *exchange = begin_list(request, GROUPS_LIMIT);
  if (exchange)
    message_store_list_groups(route_context(request)->messages, caller_of(request),
                              &exchange->store_page, on_answer, exchange);
}

/* --- GET /api/messages/uuid --- */

static void get_messages(struct http_request *request) {
  struct exchange *exchange = begin_list(request, MESSAGES_LIMIT);
  if (!exchange) return;
  if (!uuid_parse(http_request_param(request, "uuid"), &exchange->group)) {
    http_answer_error(request, HTTP_NOT_FOUND, "message_group_not_found");
    return;
  }
  message_store_list(route_context(request)->messages, caller_of(request), &exchange->group,
                     &exchange->store_page, on_answer, exchange);
}

/* --- POST /api/messages --- */

/* A body with message_group_uuid, even a bad one, means a group; any other means a user. */
static bool is_for_group(const struct http_request *request) {
  const json_t *group = json_object_get(http_request_json(request), "message_group_uuid");
  return group && !json_is_null(group);
}

static void send_to_group(struct http_request *request, struct message_caller caller,
                          struct str group, struct str message) {
  struct exchange *exchange = exchange_new(request);
  if (!exchange) return;
  if (!uuid_parse(group, &exchange->group)) {
    http_answer_error(request, HTTP_NOT_FOUND, "message_group_not_found");
    return;
  }
  message_store_send(route_context(request)->messages, caller, &exchange->group, message, on_answer,
                     exchange);
}

static void send_to_user(struct http_request *request, struct message_caller caller,
                         struct str handle, struct str message) {
  struct exchange *exchange = exchange_new(request);
  if (exchange)
    message_store_start(route_context(request)->messages, caller, handle, message, on_answer,
                        exchange);
}

static void post_message(struct http_request *request) {
  const struct idempotency *once;
  if (!idempotency_read(request, STR("POST /api/messages"), STR(""), &once)) return;
  struct codes codes = {0};
  struct str message = input_text(request, "message");
  struct str group = input_text(request, "message_group_uuid");
  struct str handle = input_text(request, "handle");
  bool for_group = is_for_group(request);
  input_check_text(&codes, message, MESSAGE_MAX_CHARS, "message_blank",
                   "message_exceed_max_chars_1024");
  if (for_group && utf8_is_blank(group)) codes_add(&codes, "message_group_uuid_blank");
  if (!for_group && utf8_is_blank(handle)) codes_add(&codes, "user_reciever_handle_blank");
  if (codes.count > 0)
    http_answer_codes(request, codes.list);
  else if (for_group)
    send_to_group(request, caller_with_key(request, once), group, message);
  else
    send_to_user(request, caller_with_key(request, once), handle, message);
}

const struct http_route messages_routes[] = {
    {HTTP_GET, "/api/message_groups", HTTP_AUTH_REQUIRED, 0, get_groups},
    {HTTP_GET, "/api/messages/:uuid", HTTP_AUTH_REQUIRED, 0, get_messages},
    {HTTP_POST, "/api/messages", HTTP_AUTH_REQUIRED, HTTP_BODY_LIMIT, post_message},
    HTTP_ROUTES_END,
};
