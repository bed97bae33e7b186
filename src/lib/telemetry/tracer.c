/* tracer.c: records the spans of one loop and exports them off the request path.
 *
 * A span becomes text at once, when it ends: an item of the outbox for the collector, a datagram of
 * the sender for the X-Ray daemon. Both bound what they keep, and count what they drop. Everything
 * runs on the loop's thread; only the counters are read by others. */
#include "lib/telemetry/tracer.h"

#include "lib/base/encoding.h"
#include "lib/base/random.h"
#include "lib/telemetry/otlp.h"
#include "lib/telemetry/outbox.h"
#include "lib/telemetry/quota.h"
#include "lib/telemetry/xray_sender.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
  SPANS_WAITING_LIMIT = 2048, /* while the collector is slow */
  SPANS_BATCH_LIMIT = 512,
  HEADERS_LIMIT = 16,
  SECOND_MS = 1000,
};

struct tracer {
  struct span_sink sink;
  struct loop *loop;
  const struct tracer_options *options;
  struct quota traces, failures; /* begun in this second */
  struct xray_sender *xray;      /* NULL: no daemon */
  struct outbox *outbox;         /* NULL: no collector */
  struct outbox_options outbox_options;
  struct buffer url, head, header_text; /* what the outbox's options point to */
  struct fetch_header headers[HEADERS_LIMIT + 1];
  size_t header_count;
  struct buffer span_text; /* of one span; its memory is used again */
  bool draining;
  void (*drained)(void *argument);
  void *drained_argument;
  atomic_uint_fast64_t recorded;
};

static struct tracer *tracer_of(struct span_sink *sink) {
  return LIST_ENTRY(sink, struct tracer, sink);
}

/* --- Sampling --- */

static bool is_within_rate(const struct tracer *tracer, struct quota *quota) {
  unsigned limit = tracer->options->per_second;
  return limit == 0 || quota_take(quota, loop_now_ms(tracer->loop), SECOND_MS, limit);
}

static bool sample(struct span_sink *sink) {
  struct tracer *tracer = tracer_of(sink);
  double ratio = tracer->options->ratio;
  uint32_t number;
  if (ratio < 1) {
    random_bytes(&number, sizeof(number));
    if ((double)number >= ratio * 4294967296.0) return false;
  }
  return is_within_rate(tracer, &tracer->traces);
}

/* A ratio of 0 disables tracing, failures too. */
static bool sample_failure(struct span_sink *sink) {
  struct tracer *tracer = tracer_of(sink);
  return tracer->options->ratio > 0 && is_within_rate(tracer, &tracer->failures);
}

/* --- Recording --- */

static void export_span(struct tracer *tracer, const struct span *span) {
  tracer->span_text.length = 0;
  otlp_append_span(&tracer->span_text, span);
  if (tracer->span_text.failed) {
    buffer_free(&tracer->span_text); /* the next span begins with an empty buffer */
    outbox_drop(tracer->outbox, 1);
    return;
  }
  outbox_add(tracer->outbox, buffer_str(&tracer->span_text));
}

static void record(struct span_sink *sink, const struct span *span) {
  struct tracer *tracer = tracer_of(sink);
  if (tracer->draining) return; /* what shutting down itself does is not traced */
  atomic_fetch_add_explicit(&tracer->recorded, 1, memory_order_relaxed);
  if (tracer->xray) xray_sender_add(tracer->xray, tracer->options->service, span);
  if (tracer->outbox) export_span(tracer, span);
}

/* --- Beginning --- */

/* Reads OTEL_EXPORTER_OTLP_HEADERS, a list like that of W3C Baggage (OpenTelemetry, "Protocol
 * Exporter"). Elements that are not name=value are left out. */
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
    if (!encoding_percent_decode(encoded, false, value, &length)) continue;
    tracer->header_text.length += length;
    tracer->headers[tracer->header_count++] = (struct fetch_header){name, {value, length}};
  }
}

static void write_url(struct tracer *tracer) {
  const char *endpoint = tracer->options->otlp_endpoint;
  size_t length = strlen(endpoint);
  while (length > 0 && endpoint[length - 1] == '/')
    length--;
  buffer_append(&tracer->url, endpoint, length);
  buffer_append_text(&tracer->url, "/v1/traces");
}

static bool open_outbox(struct tracer *tracer, struct fetcher *fetcher, struct error *error) {
  if (!tracer->options->otlp_endpoint) return true;
  write_url(tracer);
  read_headers(tracer);
  otlp_append_head(&tracer->head, tracer->options->service, tracer->options->environment);
  const char *url = buffer_text(&tracer->url);
  if (tracer->url.failed || tracer->header_text.failed || tracer->head.failed)
    return error_set(error, ERROR_MEMORY, "out of memory for traces");
  tracer->outbox_options =
      (struct outbox_options){.service = "otlp",
                              .url = url,
                              .headers = tracer->headers,
                              .header_count = tracer->header_count,
                              .head = buffer_str(&tracer->head),
                              .separator = OTLP_SEPARATOR,
                              .tail = OTLP_TAIL,
                              .batch_limit = SPANS_BATCH_LIMIT,
                              .waiting_limit = SPANS_WAITING_LIMIT,
                              .refused = "the trace collector takes no spans",
                              .taken = "the trace collector takes spans again"};
  tracer->outbox = outbox_new(tracer->loop, fetcher, &tracer->outbox_options, error);
  return tracer->outbox != NULL;
}

struct tracer *tracer_new(struct loop *loop, struct fetcher *fetcher,
                          const struct tracer_options *options, struct error *error) {
  struct tracer *tracer = calloc(1, sizeof(*tracer));
  assert(options->ratio >= 0 && options->ratio <= 1);
  if (!tracer) {
    error_set(error, ERROR_MEMORY, "out of memory for traces");
    return NULL;
  }
  loop_free_at_end(loop, tracer);
  tracer->sink =
      (struct span_sink){.sample = sample, .sample_failure = sample_failure, .record = record};
  tracer->loop = loop;
  tracer->options = options;
  atomic_init(&tracer->recorded, 0);
  if (options->xray_fd >= 0) {
    tracer->xray = xray_sender_new(loop, options->xray_fd, error);
    if (!tracer->xray) return NULL;
  }
  return open_outbox(tracer, fetcher, error) ? tracer : NULL;
}

struct span_sink *tracer_sink(struct tracer *tracer) {
  return tracer ? &tracer->sink : NULL;
}

struct tracer_stats tracer_stats(const struct tracer *tracer) {
  if (!tracer) return (struct tracer_stats){0};
  return (struct tracer_stats){
      .recorded = atomic_load_explicit(&tracer->recorded, memory_order_relaxed),
      .otlp_dropped = tracer->outbox ? outbox_dropped(tracer->outbox) : 0,
      .xray_dropped = tracer->xray ? xray_sender_dropped(tracer->xray) : 0,
  };
}

/* --- The end --- */

static void on_drained(void *argument) {
  struct tracer *tracer = argument;
  buffer_free(&tracer->url);
  buffer_free(&tracer->head);
  buffer_free(&tracer->header_text);
  buffer_free(&tracer->span_text);
  tracer->drained(tracer->drained_argument);
}

void tracer_drain(struct tracer *tracer, void (*drained)(void *argument), void *argument) {
  if (!tracer) {
    drained(argument);
    return;
  }
  assert(!tracer->draining);
  tracer->draining = true;
  tracer->drained = drained;
  tracer->drained_argument = argument;
  if (tracer->xray) xray_sender_close(tracer->xray);
  if (tracer->outbox)
    outbox_drain(tracer->outbox, on_drained, tracer);
  else
    on_drained(tracer);
}
