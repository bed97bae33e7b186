/* request_metrics.h: what a server counts: connections, requests by route and status, how long they
 * took, what waits to be sent, how many requests shared a round. Inside of the room only. */
#pragma once

#include "lib/base/exposition.h"
#include "lib/http/request.h"

struct request_metrics;

/* Counters for the rows of `router`, which outlives them; freed by free(). NULL when memory is out.
 */
struct request_metrics *request_metrics_new(const struct router *router);

/* A connection was opened, or closed. */
void request_metrics_connect(struct request_metrics *metrics);
void request_metrics_disconnect(struct request_metrics *metrics);

/* A request has begun. */
void request_metrics_begin(struct request_metrics *metrics);

/* A request's answer is on its way from now on; its bytes count until the request has ended. */
void request_metrics_send(const struct http_request *request);

/* Counts a request that has ended. */
void request_metrics_count(const struct http_request *request, uint64_t duration_us);

/* A round answers so many requests. */
void request_metrics_share(struct request_metrics *metrics, uint64_t requests);

/* What is the case now; from any thread. */
struct request_gauges {
  uint64_t connections, requests;
  uint64_t sending_bytes; /* of answers whose last byte was not sent yet */
};

struct request_gauges request_metrics_now(const struct request_metrics *metrics);

/* Adds what another server with the same tables counted; from any thread. */
void request_metrics_add(struct request_metrics *sum, const struct request_metrics *metrics);

/* Appends the counters as Prometheus text. */
void request_metrics_append(const struct request_metrics *metrics, struct buffer *buffer);
