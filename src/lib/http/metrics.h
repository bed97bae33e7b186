/* metrics.h: what the servers of the process counted, as Prometheus text (exposition format 0.0.4).
 */
#pragma once

#include "lib/http/server.h"

/* Appends requests by route and status, and a histogram of their durations by route, summed over
 * `count` servers that have the same route tables. From any thread. */
void http_metrics_append(struct buffer *buffer, struct http_server *const *servers, size_t count);
