/* otlp.h: spans as an OTLP/HTTP request in JSON (opentelemetry-proto, ExportTraceServiceRequest):
 * a head, spans one after another, an end. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/trace.h"

/* Appends what comes before the spans of one service. */
void otlp_append_head(struct buffer *body, const char *service, const char *environment);

/* Appends a span; `first` of its request or not. */
void otlp_append_span(struct buffer *body, const struct span *span, bool first);

/* Appends what comes after the spans. */
void otlp_append_end(struct buffer *body);
