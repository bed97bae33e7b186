/* request_metrics.h: requests counted by route and status, and their durations. Inside of the room
 * only. */
#pragma once

#include "lib/http/request.h"

struct request_metrics;

/* Counters for the rows of `router`, which outlives them; freed by free(). NULL when memory is out.
 */
struct request_metrics *request_metrics_new(const struct router *router);

/* Counts a request that has ended. */
void request_metrics_count(const struct http_request *request, uint64_t duration_us);

/* Adds what another server with the same tables counted; from any thread. */
void request_metrics_add(struct request_metrics *sum, const struct request_metrics *metrics);

/* Appends the counters as Prometheus text (exposition format 0.0.4). */
void request_metrics_append(const struct request_metrics *metrics, struct buffer *buffer);
