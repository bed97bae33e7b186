/* headers.h: the headers of a request that the server itself reads, noted once in one pass. Inside
 * of the room only. */
#pragma once

#include "lib/base/str.h"
#include "lib/http/accept_encoding.h"

struct MHD_Connection;

/* The first header of each name. Slices belong to libmicrohttpd and live as long as the request;
 * one that is absent is empty and has no data. */
struct http_headers {
  size_t size; /* bytes of all header lines */
  struct str host;
  struct str content_length, transfer_encoding, content_type, expect;
  struct str origin, preflight_method; /* Access-Control-Request-Method */
  struct str request_id, traceparent, xray_trace;
  struct str forwarded_proto, forwarded_for; /* see headers_each() for further lines */
  struct str authorization;
  struct str if_none_match;        /* see headers_each() for further lines */
  struct accept_encoding accepted; /* of all lines */
};

/* Notes the headers of the request that `mhd` has read. */
void headers_note(struct MHD_Connection *mhd, struct http_headers *ret_headers);

/* The first header `name`, in any case; empty when it is absent. */
struct str headers_find(struct MHD_Connection *mhd, const char *name);

/* Calls `line` with the value of each header `name`, in any case, in their order: a list may come
 * in several lines (RFC 9110, section 5.3). */
void headers_each(struct MHD_Connection *mhd, struct str name,
                  void (*line)(void *argument, struct str value), void *argument);
