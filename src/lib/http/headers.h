/* headers.h: the headers of a request that the server itself reads, noted once in one pass. Inside
 * of the room only. */
#pragma once

#include "lib/base/str.h"
#include "lib/http/accept_encoding.h"

struct MHD_Connection;

/* The first header of each name. Slices belong to libmicrohttpd and live as long as the request;
 * one that is absent is empty and has no data. */
struct http_headers {
  size_t size;   /* bytes of all header lines */
  bool broken;   /* a line makes no sense, or was read in another way than it was sent */
  bool repeated; /* of what there may be one alone there are two */
  struct str host;
  struct str content_length, transfer_encoding, expect;
  struct str content_type, content_encoding;
  struct str origin, preflight_method; /* Access-Control-Request-Method */
  struct str request_id, traceparent, xray_trace;
  struct str forwarded_proto, forwarded_for; /* see headers_each() for further lines */
  struct str authorization;
  struct str if_none_match;        /* see headers_each() for further lines */
  struct accept_encoding accepted; /* of all lines */
};

/* Where libmicrohttpd holds what was sent: the request line, and the end of the headers, behind the
 * empty line. */
struct head_place {
  const char *method, *target;
  size_t target_length;
  const char *version, *end;
};

/* Notes the headers of the request that `mhd` has read. With `place` it also checks that nothing
 * stands between them that was left out, or put together differently: libmicrohttpd takes a NUL for
 * the end of a line, and puts a folded line behind the name of the one before. */
void headers_note(struct MHD_Connection *mhd, const struct head_place *place,
                  struct http_headers *ret_headers);

/* The first header `name`, in any case; empty when it is absent. */
struct str headers_find(struct MHD_Connection *mhd, const char *name);

/* Calls `line` with the value of each header `name`, in any case, in their order: a list may come
 * in several lines (RFC 9110, section 5.3). */
void headers_each(struct MHD_Connection *mhd, struct str name,
                  void (*line)(void *argument, struct str value), void *argument);
