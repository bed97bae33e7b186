/* rollbar.c: see rollbar.h. */
#include "lib/telemetry/rollbar.h"

#include "lib/base/clock.h"
#include "lib/base/json_writer.h"
#include "lib/base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 5000, RESPONSE_LIMIT = 16 * 1024, MINUTE_MS = 60000, FAILURES_LIMIT = 64 };

/* A kind of failure that was told lately. */
struct told {
  const char *route;
  unsigned status;
  uint64_t at_ms;
};

struct rollbar {
  struct loop *loop;
  struct fetcher *fetcher;
  const struct rollbar_options *options;
  uint64_t minute_began_ms;
  unsigned sent_this_minute;
  struct told told[FAILURES_LIMIT];
  size_t told_next; /* the place that is used again when all are taken */
  unsigned in_flight;
  atomic_uint_fast64_t dropped;
  uv_timer_t timer; /* of the end */
  void (*drained)(void *argument);
  void *drained_argument;
};

struct rollbar *rollbar_new(struct loop *loop, struct fetcher *fetcher,
                            const struct rollbar_options *options, struct error *error) {
  struct rollbar *rollbar = calloc(1, sizeof(*rollbar));
  if (!rollbar) {
    error_set(error, ERROR_MEMORY, "out of memory for Rollbar");
    return NULL;
  }
  loop_free_at_end(loop, rollbar);
  *rollbar = (struct rollbar){.loop = loop, .fetcher = fetcher, .options = options};
  atomic_init(&rollbar->dropped, 0);
  uv_timer_init(loop_uv(loop), &rollbar->timer);
  rollbar->timer.data = rollbar;
  return rollbar;
}

static bool within_rate(struct rollbar *rollbar) {
  uint64_t now = loop_now_ms(rollbar->loop);
  if (rollbar->sent_this_minute == 0 || now - rollbar->minute_began_ms >= MINUTE_MS) {
    rollbar->minute_began_ms = now;
    rollbar->sent_this_minute = 0;
  }
  return rollbar->sent_this_minute++ < ROLLBAR_PER_MINUTE;
}

static void append_member(struct buffer *body, const char *name, struct str value) {
  buffer_append_char(body, '"');
  buffer_append_text(body, name);
  buffer_append_text(body, "\":");
  json_append_string(body, value);
}

static void append_item(const struct rollbar *rollbar, const char *level, const char *message,
                        struct str request_id, struct buffer *body) {
  buffer_append_text(body, "{\"data\":{");
  append_member(body, "environment", str_from(rollbar->options->environment));
  buffer_append_text(body, ",\"body\":{\"message\":{");
  append_member(body, "body", str_from(message));
  buffer_append_text(body, "}},");
  append_member(body, "level", str_from(level));
  buffer_append_text(body, ",\"timestamp\":");
  json_append_int(body, clock_unix_us() / 1000000);
  buffer_append_text(body, ",\"platform\":\"linux\",\"language\":\"c\",\"framework\":\"cruddur\",");
  append_member(body, "code_version", STR(CRUDDUR_VERSION));
  buffer_append_text(body, ",\"custom\":{");
  append_member(body, "request_id", request_id);
  buffer_append_text(body, "},\"notifier\":{\"name\":\"cruddur\",");
  append_member(body, "version", STR(CRUDDUR_VERSION));
  buffer_append_text(body, "}}}");
}

static void drop(struct rollbar *rollbar) {
  atomic_fetch_add_explicit(&rollbar->dropped, 1, memory_order_relaxed);
}

uint64_t rollbar_dropped(const struct rollbar *rollbar) {
  return atomic_load_explicit(&rollbar->dropped, memory_order_relaxed);
}

static void finish_drain(struct rollbar *rollbar) {
  void (*drained)(void *) = rollbar->drained;
  if (!drained) return;
  rollbar->drained = NULL;
  uv_close((uv_handle_t *)&rollbar->timer, NULL);
  drained(rollbar->drained_argument);
}

static void on_drain_timeout(uv_timer_t *timer) {
  finish_drain(timer->data);
}

void rollbar_drain(struct rollbar *rollbar, void (*drained)(void *argument), void *argument) {
  rollbar->drained = drained;
  rollbar->drained_argument = argument;
  uv_timer_start(&rollbar->timer, on_drain_timeout, ROLLBAR_DRAIN_MS, 0);
  if (rollbar->in_flight == 0) finish_drain(rollbar);
}

static void on_sent(const struct fetch_response *response, void *argument) {
  struct rollbar *rollbar = argument;
  rollbar->in_flight--;
  if (rollbar->in_flight == 0) finish_drain(rollbar);
  if (response->status >= 200 && response->status < 300) return;
  drop(rollbar);
  log_event(LOG_LEVEL_WARNING, "rollbar did not take an item", log_int("status", response->status),
            log_text("reason", response->error ? response->error->message : ""), LOG_END);
}

void rollbar_send(struct rollbar *rollbar, const char *level, const char *message,
                  struct str request_id) {
  if (!rollbar->options->access_token) return;
  if (!within_rate(rollbar)) {
    drop(rollbar);
    return;
  }
  struct buffer body = BUFFER_EMPTY;
  append_item(rollbar, level, message, request_id, &body);
  const struct fetch_header headers[] = {
      {STR("Content-Type"), STR("application/json")},
      {STR("X-Rollbar-Access-Token"), str_from(rollbar->options->access_token)},
  };
  struct fetch_request request = {
      .method = "POST",
      .url = rollbar->options->url,
      .headers = headers,
      .header_count = sizeof(headers) / sizeof(headers[0]),
      .body = buffer_str(&body),
      .timeout_ms = TIMEOUT_MS,
      .response_limit = RESPONSE_LIMIT,
  };
  if (!body.failed && fetch_start(rollbar->fetcher, &request, on_sent, rollbar, NULL))
    rollbar->in_flight++;
  else
    drop(rollbar);
  buffer_free(&body);
}

/* Routes are constants: one is known by its address. */
static bool told_lately(struct rollbar *rollbar, const char *route, unsigned status) {
  uint64_t now = loop_now_ms(rollbar->loop);
  for (size_t i = 0; i < FAILURES_LIMIT; i++) {
    struct told *told = &rollbar->told[i];
    if (told->route != route || told->status != status) continue;
    if (now - told->at_ms < MINUTE_MS) return true;
    told->at_ms = now;
    return false;
  }
  rollbar->told[rollbar->told_next] = (struct told){route, status, now};
  rollbar->told_next = (rollbar->told_next + 1) % FAILURES_LIMIT;
  return false;
}

void rollbar_send_failure(void *rollbar, const char *method, const char *route, unsigned status,
                          struct str request_id) {
  struct rollbar *self = rollbar;
  if (!self->options->access_token || told_lately(self, route, status)) return;
  char message[256];
  snprintf(message, sizeof(message), "%s %s answered %u", method, route, status);
  rollbar_send(self, "error", message, request_id);
}
