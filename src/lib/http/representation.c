/* representation.c: in which form a body is sent to a client. */
#include "lib/http/representation.h"

struct tag_reading {
  struct str tag;
  bool found;
};

static void look_for_tag(void *argument, struct str value) {
  struct tag_reading *reading = argument;
  if (etag_list_has(value, reading->tag)) reading->found = true;
}

struct preference representation_preference(const struct http_request *request, const char *tag) {
  struct tag_reading reading = {.tag = str_from(tag)};
  if (request->headers.if_none_match.data)
    headers_each(request->mhd, STR("If-None-Match"), look_for_tag, &reading);
  return (struct preference){.has_it = reading.found,
                             .takes_gzip = accept_encoding_takes_gzip(&request->headers.accepted)};
}

struct str representation_choose(struct http_request *request,
                                 const struct representation *representation,
                                 struct preference preference) {
  request->tag = representation->tag;
  request->coded = preference.takes_gzip && representation->gzip.length > 0;
  if (preference.has_it) request->status = HTTP_NOT_MODIFIED;
  return request->coded ? representation->gzip : representation->identity;
}
