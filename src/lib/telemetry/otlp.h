/* otlp.h: spans as an OTLP/HTTP request in JSON (opentelemetry-proto, ExportTraceServiceRequest): a
 * head, spans with OTLP_SEPARATOR between them, OTLP_TAIL. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/trace.h"

#define OTLP_SEPARATOR STR(",")
#define OTLP_TAIL      STR("]}]}]}")

/* Appends what comes before the spans of one service. */
void otlp_append_head(struct buffer *body, const char *service, const char *environment);

void otlp_append_span(struct buffer *body, const struct span *span);
