/* metrics_port.h: the port of GET /metrics: not the API's, so that no balancer leads to it. */
#pragma once

#include "commands/worker.h"
#include "routes/prometheus.h"

struct metrics_port {
  struct http_options options;
  struct prometheus_context context;
  struct http_server *server; /* NULL: there is none */
};

/* Serves the metrics of `workers` on the loop of the first of them. Port 0: does nothing. */
bool metrics_port_start(struct metrics_port *port, unsigned number, const struct worker *workers,
                        unsigned worker_count, struct error *error);

/* On the first worker's loop; harmless when there is none. */
void metrics_port_close(struct metrics_port *port);
