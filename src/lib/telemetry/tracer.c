/* tracer.c: see tracer.h. */
#include "lib/telemetry/tracer.h"

#include "lib/base/encoding.h"
#include "lib/base/log.h"
#include "lib/base/random.h"
#include "lib/telemetry/otlp.h"
#include "lib/telemetry/xray_sender.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
  SPANS_LIMIT = 2048, /* buffered while the collector is slow */
  BATCH_LIMIT = 512,  /* sent at once */
  FLUSH_MS = 1000,
  IN_FLIGHT_LIMIT = 2,
  EXPORT_TIMEOUT_MS = 10000,
  RESPONSE_LIMIT = 64 * 1024,
  HEADERS_LIMIT = 16,
};

/* How many were let through in the second that began at `begin_ms`. */
struct rate {
  uint64_t begin_ms;
  unsigned count;
};

struct tracer {
  struct span_sink sink;
  struct rate traces, failures;
  struct loop *loop;
  struct fetcher *fetcher;
  const struct tracer_options *options;
  struct xray_sender *xray; /* NULL: no daemon */
  uv_timer_t timer;
  bool closing, complained;
  void (*drained)(void *argument);
  void *drained_argument;
  unsigned in_flight;
  atomic_uint_fast64_t recorded, dropped;
  struct buffer url, header_text;
  struct fetch_header headers[HEADERS_LIMIT + 1];
  size_t header_count;
  struct buffer body; /* the request that is being put together, its end missing */
  size_t count;       /* of the spans in it */
};

static struct tracer *tracer_of(struct span_sink *sink) {
  return LIST_ENTRY(sink, struct tracer, sink);
}

static bool within_rate(const struct tracer *tracer, struct rate *rate) {
  unsigned limit = tracer->options->per_second;
  uint64_t now_ms = loop_now_ms(tracer->loop);
  if (limit == 0) return true;
  if (rate->count == 0 || now_ms - rate->begin_ms >= 1000) *rate = (struct rate){now_ms, 0};
  if (rate->count == limit) return false;
  rate->count++;
  return true;
}

static bool sample(struct span_sink *sink) {
  struct tracer *tracer = tracer_of(sink);
  double ratio = tracer->options->ratio;
  uint32_t number;
  if (ratio < 1) {
    random_bytes(&number, sizeof(number));
    if ((double)number >= ratio * 4294967296.0) return false;
  }
  return within_rate(tracer, &tracer->traces);
}

/* A ratio of 0 means that no trace is to begin here. */
static bool sample_failure(struct span_sink *sink) {
  struct tracer *tracer = tracer_of(sink);
  return tracer->options->ratio > 0 && within_rate(tracer, &tracer->failures);
}

static void add(atomic_uint_fast64_t *counter, size_t count) {
  atomic_fetch_add_explicit(counter, count, memory_order_relaxed);
}

static void drop(struct tracer *tracer, size_t count) {
  add(&tracer->dropped, count);
}

/* --- OTLP --- */

static void flush(struct tracer *tracer);

struct export {
  struct tracer *tracer;
  struct buffer body;
  size_t count;
};

/* What was not sent by now is lost. */
static void finish_drain(struct tracer *tracer) {
  void (*drained)(void *) = tracer->drained;
  if (!drained) return;
  tracer->drained = NULL;
  drop(tracer, tracer->count);
  tracer->count = 0;
  uv_close((uv_handle_t *)&tracer->timer, NULL);
  buffer_free(&tracer->body);
  buffer_free(&tracer->url);
  buffer_free(&tracer->header_text);
  drained(tracer->drained_argument);
}

/* One line when exporting begins to fail, one when it works again. */
static void on_exported(const struct fetch_response *response, void *argument) {
  struct export *export = argument;
  struct tracer *tracer = export->tracer;
  bool good = response->status >= 200 && response->status < 300;
  tracer->in_flight--;
  if (!good) drop(tracer, export->count);
  if (!good && !tracer->complained)
    log_event(LOG_LEVEL_WARNING, "the trace collector takes no spans",
              log_int("status", response->status),
              log_text("reason", response->error ? response->error->message : ""), LOG_END);
  if (good && tracer->complained)
    log_event(LOG_LEVEL_INFO, "the trace collector takes spans again", LOG_END);
  tracer->complained = !good;
  buffer_free(&export->body);
  free(export);
  if (tracer->count >= BATCH_LIMIT || (tracer->drained && tracer->count > 0)) flush(tracer);
  if (tracer->in_flight == 0) finish_drain(tracer);
}

/* Sends what `export` holds, which is freed when that cannot begin. */
static bool start_export(struct tracer *tracer, struct export *export) {
  struct fetch_request request = {
      .method = "POST",
      .url = buffer_text(&tracer->url),
      .headers = tracer->headers,
      .header_count = tracer->header_count,
      .body = buffer_str(&export->body),
      .body_borrowed = true, /* the export keeps it */
      .timeout_ms = EXPORT_TIMEOUT_MS,
      .response_limit = RESPONSE_LIMIT,
  };
  if (!export->body.failed && fetch_start(tracer->fetcher, &request, on_exported, export, NULL))
    return true;
  buffer_free(&export->body);
  free(export);
  return false;
}

static void flush(struct tracer *tracer) {
  if (tracer->count == 0 || tracer->in_flight >= IN_FLIGHT_LIMIT) return;
  struct export *export = malloc(sizeof(*export));
  otlp_append_end(&tracer->body);
  if (export) *export = (struct export){tracer, tracer->body, tracer->count};
  if (export && start_export(tracer, export))
    tracer->in_flight++;
  else
    drop(tracer, tracer->count);
  if (!export) buffer_free(&tracer->body);
  tracer->body = BUFFER_EMPTY;
  tracer->count = 0;
}

static void on_timer(uv_timer_t *timer) {
  flush(timer->data);
}

/* Written out at once: what is kept is text, and sending it is all that is left to do. */
static void buffer_span(struct tracer *tracer, const struct span *span) {
  if (tracer->count >= SPANS_LIMIT) {
    drop(tracer, 1);
    return;
  }
  if (tracer->count == 0)
    otlp_append_head(&tracer->body, tracer->options->service, tracer->options->environment);
  otlp_append_span(&tracer->body, span, tracer->count == 0);
  tracer->count++;
  if (tracer->count >= BATCH_LIMIT) flush(tracer);
}

static void record(struct span_sink *sink, const struct span *span) {
  struct tracer *tracer = tracer_of(sink);
  if (tracer->closing) return; /* of the end itself */
  add(&tracer->recorded, 1);
  if (tracer->xray) xray_sender_add(tracer->xray, tracer->options->service, span);
  if (tracer->options->otlp_endpoint) buffer_span(tracer, span);
}

/* OTEL_EXPORTER_OTLP_HEADERS: a W3C Baggage-like list (OpenTelemetry, "Protocol Exporter"). */
static void read_headers(struct tracer *tracer) {
  struct str rest = tracer->options->otlp_headers, item;
  buffer_reserve(&tracer->header_text, rest.length + 1);
  tracer->headers[tracer->header_count++] =
      (struct fetch_header){STR("Content-Type"), STR("application/json")};
  while (tracer->header_count <= HEADERS_LIMIT && str_next(&rest, ',', &item)) {
    const char *equals = item.length > 0 ? memchr(item.data, '=', item.length) : NULL;
    if (!equals || tracer->header_text.failed) continue;
    struct str name = str_trim((struct str){item.data, (size_t)(equals - item.data)});
    struct str encoded =
        str_trim((struct str){equals + 1, item.length - (size_t)(equals - item.data) - 1});
    char *value = tracer->header_text.data + tracer->header_text.length;
    size_t length = 0;
    if (!percent_decode(encoded, false, value, &length)) continue;
    tracer->header_text.length += length;
    tracer->headers[tracer->header_count++] = (struct fetch_header){name, {value, length}};
  }
}

static bool prepare_otlp(struct tracer *tracer, struct error *error) {
  const char *endpoint = tracer->options->otlp_endpoint;
  if (!endpoint) return true;
  size_t length = strlen(endpoint);
  while (length > 0 && endpoint[length - 1] == '/')
    length--;
  buffer_append(&tracer->url, endpoint, length);
  buffer_append_text(&tracer->url, "/v1/traces");
  read_headers(tracer);
  if (tracer->url.failed || tracer->header_text.failed)
    return error_set(error, ERROR_MEMORY, "out of memory for traces");
  uv_timer_start(&tracer->timer, on_timer, FLUSH_MS, FLUSH_MS);
  return true;
}

struct tracer *tracer_new(struct loop *loop, struct fetcher *fetcher,
                          const struct tracer_options *options, struct error *error) {
  struct tracer *tracer = calloc(1, sizeof(*tracer));
  if (!tracer) {
    error_set(error, ERROR_MEMORY, "out of memory for traces");
    return NULL;
  }
  loop_free_at_end(loop, tracer);
  tracer->sink =
      (struct span_sink){.sample = sample, .sample_failure = sample_failure, .record = record};
  tracer->loop = loop;
  tracer->fetcher = fetcher;
  tracer->options = options;
  atomic_init(&tracer->recorded, 0);
  atomic_init(&tracer->dropped, 0);
  uv_timer_init(loop_uv(loop), &tracer->timer);
  tracer->timer.data = tracer;
  if (options->xray_fd >= 0) {
    tracer->xray = xray_sender_new(loop, options->xray_fd, error);
    if (!tracer->xray) return NULL;
  }
  return prepare_otlp(tracer, error) ? tracer : NULL;
}

struct span_sink *tracer_sink(struct tracer *tracer) {
  return tracer ? &tracer->sink : NULL;
}

static uint64_t read_counter(const atomic_uint_fast64_t *counter) {
  return atomic_load_explicit(counter, memory_order_relaxed);
}

struct tracer_stats tracer_stats(const struct tracer *tracer) {
  if (!tracer) return (struct tracer_stats){0};
  return (struct tracer_stats){
      .recorded = read_counter(&tracer->recorded),
      .otlp_dropped = read_counter(&tracer->dropped),
      .xray_dropped = tracer->xray ? xray_sender_dropped(tracer->xray) : 0,
  };
}

static void on_drain_timeout(uv_timer_t *timer) {
  finish_drain(timer->data);
}

void tracer_drain(struct tracer *tracer, void (*drained)(void *argument), void *argument) {
  if (!tracer) {
    drained(argument);
    return;
  }
  tracer->closing = true;
  tracer->drained = drained;
  tracer->drained_argument = argument;
  uv_timer_start(&tracer->timer, on_drain_timeout, TRACER_DRAIN_MS, 0);
  if (tracer->xray) xray_sender_close(tracer->xray);
  flush(tracer);
  if (tracer->in_flight == 0) finish_drain(tracer);
}
