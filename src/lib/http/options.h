/* options.h: what the process decides for all of its servers. */
#pragma once

#include "lib/http/http.h"
#include "lib/http/proxies.h"
#include "lib/http/rate.h"

/* Immutable, shared by all servers of the process. */
struct http_options {
  const struct http_route *const *tables; /* NULL-terminated list of route tables */
  struct str allowed_origins;             /* comma-separated, as browsers write them; "*": any */
  unsigned connection_limit;              /* of one server */
  uint64_t idle_timeout_ms;               /* between requests of a kept connection */
  uint64_t receive_timeout_ms;            /* from the request line to the end of the body */
  uint64_t send_timeout_ms;               /* from the answer to its last byte */
  uint64_t slow_request_us;               /* a request that takes longer is logged; 0: none is */
  uint64_t drain_delay_ms;      /* new connections are taken for so long after the call to drain */
  http_check_token check_token; /* NULL: no row wants a token */
  struct proxies proxies;       /* trusted for who the client is */
  struct rate_limiter *writes_per_user, *writes_per_address; /* NULL: no limit */
  struct rate_limiter *reads_per_address;                    /* likewise */
};

/* Called for each answer of 500 or more, on the loop; `route` is a constant. */
typedef void (*http_failure)(void *argument, const char *method, const char *route, unsigned status,
                             struct str request_id);
