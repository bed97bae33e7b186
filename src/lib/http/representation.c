/* representation.c: in which form a body is sent to a client: as it is, in gzip, or not at all
 * because the client has it (RFC 9110, sections 8.4, 12.5.3 and 13.1.2). */
#include "lib/http/accept_encoding.h"
#include "lib/http/internal.h"

struct reading {
  const char *tag;
  struct accept_encoding accepted;
  bool has_it;
};

/* A header may come in several lines, which mean the same as one list. */
static enum MHD_Result read_header(void *argument, enum MHD_ValueKind kind, const char *name,
                                   size_t name_length, const char *value, size_t value_length) {
  (void)kind;
  struct reading *reading = argument;
  struct str field = {value, value_length}, header = {name, name_length};
  if (value_length == 0) return MHD_YES;
  if (str_equal_ignore_case(header, STR("Accept-Encoding")))
    accept_encoding_read(&reading->accepted, field);
  else if (str_equal_ignore_case(header, STR("If-None-Match")) &&
           etag_list_has(field, str_from(reading->tag)))
    reading->has_it = true;
  return MHD_YES;
}

struct preference representation_preference(const struct http_request *request, const char *tag) {
  struct reading reading = {.tag = tag, .accepted = ACCEPT_ENCODING_NONE};
  MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, read_header, &reading);
  return (struct preference){.has_it = reading.has_it,
                             .takes_gzip = accept_encoding_takes_gzip(&reading.accepted)};
}

struct str representation_choose(struct http_request *request,
                                 const struct representation *representation,
                                 struct preference preference) {
  request->tag = representation->tag;
  request->coded = preference.takes_gzip && representation->gzip.length > 0;
  if (preference.has_it) request->status = HTTP_NOT_MODIFIED;
  return request->coded ? representation->gzip : representation->identity;
}
