/* refusal.c: what libmicrohttpd answers by itself, said as the API says things.
 *
 * A request that breaks HTTP, or does not fit a connection's memory, is answered by libmicrohttpd
 * before any handler sees it: in HTML, and 0.9.75 has no setting for that. It queues such an answer
 * through its own public function, though, and an executable's definition of a function comes
 * before a shared library's (ELF's symbol interposition). So this is that function, for those
 * answers; the API's own go past it, by respond_queue(). */
#include "lib/http/refusal.h"

#include "lib/base/log.h"
#include "lib/base/uuid.h"
#include "lib/http/cors.h"
#include "lib/http/http_connection.h"
#include "lib/http/respond.h"

#include <dlfcn.h>
#include <stdio.h>

typedef enum MHD_Result (*queue_function)(struct MHD_Connection *mhd, unsigned status,
                                          struct MHD_Response *response);

static const char *refusal_code(unsigned status, char *spare, size_t size) {
  if (status == HTTP_PAYLOAD_TOO_LARGE) return "payload_too_large";
  snprintf(spare, size, "generic_%u", status);
  return spare;
}

/* There is no request yet: its very first line cannot be read. */
static enum MHD_Result refuse_connection(struct MHD_Connection *mhd, unsigned status) {
  char spare[32], body[64], id[UUID_TEXT_LENGTH + 1] = "";
  int length = snprintf(body, sizeof(body), "[\"%s\"]", refusal_code(status, spare, sizeof(spare)));
  struct MHD_Response *response =
      MHD_create_response_from_buffer((size_t)length, body, MHD_RESPMEM_MUST_COPY);
  if (!response) return MHD_NO;
  struct uuid uuid = uuid_random();
  uuid_format(uuid.bytes, id);
  respond_add_fixed_headers(NULL, response);
  MHD_add_response_header(response, "Content-Type", "application/json");
  MHD_add_response_header(response, "X-Request-Id", id);
  log_event(LOG_LEVEL_INFO, "request refused", log_text("request_id", id),
            log_int("status", status), LOG_END);
  enum MHD_Result queued = respond_queue(mhd, status, response);
  MHD_destroy_response(response);
  return queued;
}

/* What of them has come: the steps have not begun. */
static void read_headers(struct http_request *request) {
  headers_note(request->mhd, &request->headers);
  request->allowed_origin = cors_allowed_origin(request);
  request_set_id(request);
}

/* Called by libmicrohttpd alone; its own answer is left to it. */
enum MHD_Result MHD_queue_response(struct MHD_Connection *mhd, unsigned status,
                                   struct MHD_Response *response) {
  (void)response;
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  const struct http_connection *connection = info ? info->socket_context : NULL;
  struct http_request *request = connection ? connection->request : NULL;
  if (!request || request->phase >= HTTP_PHASE_WORKING) return refuse_connection(mhd, status);
  if (request->phase == HTTP_PHASE_HEADERS) read_headers(request);
  char spare[32];
  http_answer_error(request, status, refusal_code(status, spare, sizeof(spare)));
  return respond(request);
}

bool refusal_is_in_place(void) {
  queue_function called = NULL;
  *(void **)&called = dlsym(RTLD_DEFAULT, "MHD_queue_response"); /* as POSIX has it */
  return called == MHD_queue_response;
}
