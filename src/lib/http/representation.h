/* representation.h: in which form a body is sent to a client: as it is, in gzip, or not at all
 * because the client has it (RFC 9110, sections 8.4, 12.5.3 and 13.1.2). Inside of the room only.
 */
#pragma once

#include "lib/http/request.h"

/* A body in the forms in which it may be sent, under one tag. All of it is somebody else's. */
struct representation {
  struct str identity, gzip; /* no gzip: empty */
  const char *tag;
};

/* What a client said about the form that it wants. */
struct preference {
  bool has_it; /* it names the tag: it is told only that nothing changed */
  bool takes_gzip;
};
struct preference representation_preference(const struct http_request *request, const char *tag);

/* Decides what the answer's status and form are, and returns the body's bytes. A 304 has its
 * Content-Length from the body that is not sent (RFC 9110, section 8.6). */
struct str representation_choose(struct http_request *request,
                                 const struct representation *representation,
                                 struct preference preference);
