/* serve_limits.h: how much `cruddur serve` takes on: what its settings say, or else what fits the
 * machine. */
#pragma once

#include "lib/base/cgroup.h"
#include "lib/base/config.h"
#include "lib/http/server.h"

/* How many event loops to run: the setting, or one for each processor that may be used. */
unsigned serve_limits_loops(const struct config *config, const struct cgroup_limits *machine);

/* How many client connections to hold: the setting, or what fits into the memory, 4096 at most. */
unsigned serve_limits_connections(const struct config *config, const struct cgroup_limits *machine);

/* Puts the trusted proxies and the limits on writes into `http`. The limiters live as long as the
 * process, or until serve_limits_close(). */
bool serve_limits_read(const struct config *config, struct http_options *http, struct error *error);

void serve_limits_close(struct http_options *http);
