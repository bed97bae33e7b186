/* framing.c: what RFC 9112 asks of a request line and of headers. */
#include "lib/http/framing.h"

/* The characters that RFC 3986 leaves to a host and its port, roughly: none that ends one. */
static bool is_host(struct str host) {
  for (size_t i = 0; i < host.length; i++) {
    char byte = host.data[i];
    if (byte <= ' ' || byte >= 0x7F || strchr("\"#,/<>?@\\^`{|}", byte)) return false;
  }
  return true;
}

/* Section 3.2: one Host, and none only before HTTP/1.1. */
static bool has_host(const struct http_request *request) {
  struct str host = request->headers.host;
  return host.data ? is_host(str_trim(host)) : request->is_http_1_0;
}

/* The last one of a list. */
static struct str last_coding(struct str list) {
  struct str coding = {"", 0};
  while (str_next(&list, ',', &coding))
    continue;
  return coding;
}

/* Section 6.1: HTTP/1.0 knows no Transfer-Encoding. Section 6.3: beside it there is no
 * Content-Length, and without "chunked" at its end nobody knows where the body ends. Codings before
 * that one are those that we do not know. */
static bool check_coding(const struct http_request *request, enum http_status *ret_status) {
  struct str codings = request->headers.transfer_encoding, chunked = STR("chunked");
  if (!codings.data) return true;
  if (request->is_http_1_0 || request->headers.content_length.data) return false;
  if (str_equal_ignore_case(codings, chunked)) return true;
  /* libmicrohttpd does not know "chunked" with a blank behind it, though it is right. */
  bool is_list = str_equal_ignore_case(last_coding(codings), chunked) &&
                 !str_equal_ignore_case(str_trim(codings), chunked);
  if (is_list) *ret_status = HTTP_NOT_IMPLEMENTED;
  return false;
}

/* libmicrohttpd refuses by itself what is no number, when it looks at Content-Length: see
 * refusal.c. */
bool framing_is_sound(const struct http_request *request, enum http_status *ret_status) {
  const struct http_headers *headers = &request->headers;
  *ret_status = HTTP_BAD_REQUEST;
  return request->target_is_plain && !headers->broken && !headers->repeated && has_host(request) &&
         check_coding(request, ret_status);
}
