/* rollbar.c: items for Rollbar.
 *
 * Two bounds keep a failing server from flooding Rollbar: the same failure (route and status) is
 * reported once a minute, and a loop sends ROLLBAR_PER_MINUTE items a minute in all. What passes
 * both goes into an outbox, one item a request. Everything runs on the loop's thread. */
#include "lib/telemetry/rollbar.h"

#include "lib/base/clock.h"
#include "lib/base/json_writer.h"
#include "lib/telemetry/outbox.h"
#include "lib/telemetry/quota.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MINUTE_MS = 60000, FAILURES_LIMIT = 64, HOST_SIZE = 256 };

/* A failure that was reported. */
struct reported {
  const char *route; /* NULL: this place was never used */
  unsigned status;
  uint64_t at_ms;
};

struct rollbar {
  struct loop *loop;
  const struct rollbar_options *options;
  struct outbox *outbox;
  struct outbox_options outbox_options;
  struct fetch_header headers[2];
  struct quota items;
  struct reported reported[FAILURES_LIMIT];
  char host[HOST_SIZE]; /* this machine's name */
  size_t reported_next; /* the place that is used next, the oldest when all are taken */
};

struct rollbar *rollbar_new(struct loop *loop, struct fetcher *fetcher,
                            const struct rollbar_options *options, struct error *error) {
  struct rollbar *rollbar = calloc(1, sizeof(*rollbar));
  if (!rollbar) {
    error_set(error, ERROR_MEMORY, "out of memory for Rollbar");
    return NULL;
  }
  loop_free_at_end(loop, rollbar);
  rollbar->loop = loop;
  rollbar->options = options;
  if (gethostname(rollbar->host, sizeof(rollbar->host) - 1) != 0) rollbar->host[0] = '\0';
  rollbar->headers[0] = (struct fetch_header){STR("Content-Type"), STR("application/json")};
  rollbar->headers[1] =
      (struct fetch_header){STR("X-Rollbar-Access-Token"), str_from(options->access_token)};
  rollbar->outbox_options =
      (struct outbox_options){.service = "rollbar",
                              .url = options->url,
                              .headers = rollbar->headers,
                              .header_count = 2,
                              .batch_limit = 1, /* the interface takes one item a request */
                              .waiting_limit = ROLLBAR_PER_MINUTE,
                              .refused = "rollbar did not take an item",
                              .taken = "rollbar takes items again"};
  rollbar->outbox = outbox_new(loop, fetcher, &rollbar->outbox_options, error);
  return rollbar->outbox ? rollbar : NULL;
}

/* The route stands for the URL: a path may say who somebody is. */
static void append_request(const struct rollbar_item *item, struct buffer *body) {
  if (!item->route) return;
  buffer_append_text(body, ",\"request\":{");
  json_writer_append_member(body, "method", str_from(item->method));
  json_writer_append_member(body, "url", str_from(item->route));
  buffer_append_char(body, '}');
}

static void append_server(const struct rollbar *rollbar, struct buffer *body) {
  buffer_append_text(body, ",\"server\":{");
  json_writer_append_member(body, "host", str_from(rollbar->host));
  json_writer_append_member(body, "code_version", STR(CRUDDUR_VERSION));
  buffer_append_char(body, '}');
}

static void append_item(const struct rollbar *rollbar, const struct rollbar_item *item,
                        struct buffer *body) {
  buffer_append_text(body, "{\"data\":{");
  json_writer_append_member(body, "environment", str_from(rollbar->options->environment));
  buffer_append_text(body, ",\"body\":{\"message\":{");
  json_writer_append_member(body, "body", str_from(item->message));
  buffer_append_text(body, "}}");
  append_request(item, body);
  append_server(rollbar, body);
  json_writer_append_member(body, "level", str_from(item->level));
  buffer_append_text(body, ",\"timestamp\":");
  json_writer_int(body, clock_unix_us() / 1000000);
  json_writer_append_member(body, "platform", STR("linux"));
  json_writer_append_member(body, "language", STR("c"));
  json_writer_append_member(body, "framework", STR("cruddur"));
  json_writer_append_member(body, "code_version", STR(CRUDDUR_VERSION));
  buffer_append_text(body, ",\"custom\":{");
  json_writer_append_member(body, "request_id", item->request_id);
  buffer_append_text(body, "},\"notifier\":{");
  json_writer_append_member(body, "name", STR("cruddur"));
  json_writer_append_member(body, "version", STR(CRUDDUR_VERSION));
  buffer_append_text(body, "}}}");
}

uint64_t rollbar_dropped(const struct rollbar *rollbar) {
  return outbox_dropped(rollbar->outbox);
}

void rollbar_drain(struct rollbar *rollbar, void (*drained)(void *argument), void *argument) {
  outbox_drain(rollbar->outbox, drained, argument);
}

void rollbar_send(struct rollbar *rollbar, const struct rollbar_item *item) {
  struct buffer text = BUFFER_EMPTY;
  if (!rollbar->options->access_token) return;
  bool allowed =
      quota_take(&rollbar->items, loop_now_ms(rollbar->loop), MINUTE_MS, ROLLBAR_PER_MINUTE);
  if (allowed) append_item(rollbar, item, &text);
  if (allowed && !text.failed)
    outbox_add(rollbar->outbox, buffer_str(&text));
  else
    outbox_drop(rollbar->outbox, 1);
  buffer_free(&text);
}

/* False when this failure was reported less than a minute ago; otherwise it counts as reported. */
static bool begin_report(struct rollbar *rollbar, const char *route, unsigned status) {
  uint64_t now = loop_now_ms(rollbar->loop);
  for (size_t i = 0; i < FAILURES_LIMIT; i++) {
    struct reported *reported = &rollbar->reported[i];
    if (reported->route != route || reported->status != status) continue;
    if (now - reported->at_ms < MINUTE_MS) return false;
    reported->at_ms = now;
    return true;
  }
  rollbar->reported[rollbar->reported_next] = (struct reported){route, status, now};
  rollbar->reported_next = (rollbar->reported_next + 1) % FAILURES_LIMIT;
  return true;
}

void rollbar_send_failure(void *rollbar, const char *method, const char *route, unsigned status,
                          struct str request_id) {
  struct rollbar *self = rollbar;
  assert(route && status >= 500);
  if (!begin_report(self, route, status)) return;
  char message[256];
  snprintf(message, sizeof(message), "%s %s answered %u", method, route, status);
  rollbar_send(self, &(struct rollbar_item){.level = "error",
                                            .message = message,
                                            .method = method,
                                            .route = route,
                                            .request_id = request_id});
}
