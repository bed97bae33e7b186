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
_Static_assert((int)IDEMPOTENCY_HASH_SIZE == (int)MESSAGES_REQUEST_HASH_SIZE, "one kind of hash");

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

static void on_sent(const struct message_answer *answer, void *request) {
  if (answer->outcome == MESSAGES_DONE)
    http_answer_json(request, HTTP_OK, answer->body);
  else
    answer_trouble(request, answer);
}

static void ask_store(struct http_request *request, struct message_ask *ask, message_done done,
                      void *argument) {
  ask->caller = (struct message_caller){.sub = http_request_sub(request),
                                        .trace = http_request_trace(request),
                                        .timing = http_request_timing(request)};
  message_store_ask(route_context(request)->messages, ask, done, argument);
}

/* --- Lists --- */

/* A list that was asked for: what its continuation needs. */
struct message_list {
  struct http_request *request;
  struct page page;
};

static void on_list(const struct message_answer *answer, void *argument) {
  const struct message_list *list = argument;
  if (answer->outcome == MESSAGES_DONE && answer->more)
    page_add_next(list->request, &list->page, answer->next.created_at_us, &answer->next.uuid);
  on_sent(answer, list->request);
}

/* Reads the page that is asked for; answers 422 and returns NULL when a rule is broken. */
static struct message_list *read_page(struct http_request *request, int32_t default_limit,
                                      struct message_page *ret_page) {
  struct message_list *list = http_request_alloc(request, sizeof(*list));
  struct codes codes = {0};
  if (!list) {
    http_answer_internal_error(request, "out of memory for messages");
    return NULL;
  }
  struct page *page = &list->page;
  list->request = request;
  page_read(request, default_limit, page, &codes);
  if (codes.count > 0) {
    http_answer_codes(request, codes.list);
    return NULL;
  }
  *ret_page = (struct message_page){
      .limit = page->limit,
      .has_before = page->has_cursor,
      .before = {.created_at_us = page->created_at_us, .uuid = page->uuid},
  };
  return list;
}

static void get_groups(struct http_request *request) {
  struct message_ask ask = {.kind = MESSAGES_LIST_GROUPS};
  struct message_list *list = read_page(request, GROUPS_LIMIT, &ask.page);
  if (list) ask_store(request, &ask, on_list, list);
}

static void get_messages(struct http_request *request) {
  struct message_ask ask = {.kind = MESSAGES_LIST};
  struct message_list *list = read_page(request, MESSAGES_LIMIT, &ask.page);
  if (!list) return;
  if (uuid_parse(http_request_param(request, "uuid"), &ask.group))
    ask_store(request, &ask, on_list, list);
  else
    http_answer_error(request, HTTP_NOT_FOUND, "message_group_not_found");
}

/* --- POST /api/messages --- */

/* A body with message_group_uuid, even a bad one, means a group; any other means a user. */
static bool is_for_group(const struct http_request *request) {
  const json_t *group = json_object_get(http_request_json(request), "message_group_uuid");
  return group && !json_is_null(group);
}

/* Reads the message and where it goes, and lists each rule that is broken in `codes`. */
static void read_message(const struct http_request *request, struct message_ask *ask,
                         struct codes *codes) {
  ask->text = input_text(request, "message");
  input_check_text(codes, ask->text, MESSAGE_MAX_CHARS, "message_blank",
                   "message_exceed_max_chars_1024");
  if (is_for_group(request)) {
    ask->kind = MESSAGES_SEND_TO_GROUP;
    if (utf8_is_blank(input_text(request, "message_group_uuid")))
      codes_add(codes, "message_group_uuid_blank");
  } else {
    ask->kind = MESSAGES_SEND_TO_USER;
    ask->handle = input_text(request, "handle");
    if (utf8_is_blank(ask->handle)) codes_add(codes, "user_reciever_handle_blank");
  }
}

static void post_message(struct http_request *request) {
  const struct idempotency *once;
  struct message_ask ask = {0};
  struct codes codes = {0};
  if (!idempotency_read(request, STR("POST /api/messages"), STR(""), &once)) return;
  if (once) ask.key = (struct message_key){once->key, idempotency_hash_str(once)};
  read_message(request, &ask, &codes);
  if (codes.count > 0)
    http_answer_codes(request, codes.list);
  else if (ask.kind == MESSAGES_SEND_TO_GROUP &&
           !uuid_parse(input_text(request, "message_group_uuid"), &ask.group))
    http_answer_error(request, HTTP_NOT_FOUND, "message_group_not_found");
  else
    ask_store(request, &ask, on_sent, request);
}

const struct http_route messages_routes[] = {
    {HTTP_GET, "/api/message_groups", HTTP_AUTH_REQUIRED, 0, get_groups, 1},
    {HTTP_GET, "/api/messages/:uuid", HTTP_AUTH_REQUIRED, 0, get_messages, 1},
    {HTTP_POST, "/api/messages", HTTP_AUTH_REQUIRED, HTTP_BODY_LIMIT, post_message, 0},
    HTTP_ROUTES_END,
};
