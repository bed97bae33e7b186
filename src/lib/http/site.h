/* site.h: what the requests of one server share and may look at. The server owns it; nothing in
 * here knows of connections or of libmicrohttpd. Inside of the room only. */
#pragma once

#include "lib/http/options.h"

struct coalescer;
struct gzip;
struct request_metrics;
struct router;

struct http_site {
  struct loop *loop;
  const struct http_options *options;
  void *context;       /* of the handlers */
  void *authenticator; /* of options->check_token */
  const struct router *router;
  struct request_metrics *metrics;
  struct coalescer *coalescer;
  struct gzip *gzip;      /* made when it is first needed */
  struct span_sink *sink; /* NULL: no spans are recorded */
  http_failure failed;    /* NULL: nobody wants to know */
  void *failed_argument;
  bool draining; /* connections are told to close */
  bool crowded;  /* and so are they where there are more than may be, and none is idle */
  bool closing;  /* what handlers would wait for is closed already */
};
