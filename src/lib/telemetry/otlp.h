/* otlp.h: spans as an OTLP/HTTP request in JSON (opentelemetry-proto, ExportTraceServiceRequest).
 */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/trace.h"

/* Appends an ExportTraceServiceRequest that holds `count` spans of one service. */
void otlp_append_request(struct buffer *body, const char *service, const char *environment,
                         const struct span *spans, size_t count);
