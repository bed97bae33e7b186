/* refusal.c: what libmicrohttpd would answer by itself, said as the API says things.
 *
 * A request that breaks HTTP, or does not fit a connection's memory, is answered by libmicrohttpd
 * before any handler sees it: in HTML, and where Content-Length is no number with two heads, after
 * which it goes on with the next request. 0.9.75 has no setting for that, and takes no answer while
 * a body comes. It queues its own answers through its public function, though, and an executable's
 * definition of a function comes before a shared library's (ELF's symbol interposition). So this is
 * that function: it writes the answer to the socket itself and lets libmicrohttpd hang up. It
 * relies on nothing that libmicrohttpd does afterwards; and refusal_works() tries it at each start.
 */
#include "lib/http/refusal.h"

#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/uuid.h"
#include "lib/http/http_connection.h"
#include "lib/http/respond.h"
#include "lib/http/steps.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *refusal_code(unsigned status, char *spare, size_t size) {
  if (status == HTTP_PAYLOAD_TOO_LARGE) return "payload_too_large";
  snprintf(spare, size, "generic_%u", status);
  return spare;
}

/* --- To the socket --- */

static enum MHD_Result append_header(void *buffer, enum MHD_ValueKind kind, const char *name,
                                     const char *value) {
  (void)kind;
  buffer_append_format(buffer, "%s: %s\r\n", name, value);
  return MHD_YES;
}

static void append_head(struct buffer *buffer, unsigned status, struct MHD_Response *response,
                        size_t body_length) {
  char date[64] = "";
  struct tm tm;
  time_t now = time(NULL);
  if (gmtime_r(&now, &tm)) strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
  buffer_append_format(buffer, "HTTP/1.1 %u %s\r\nDate: %s\r\n", status,
                       MHD_get_reason_phrase_for(status), date);
  MHD_get_response_headers(response, append_header, buffer);
  buffer_append_format(buffer, "Content-Length: %zu\r\n\r\n", body_length);
}

/* Whatever was answered before on this connection has left it, and this is less than any socket
 * takes at once. */
static bool write_answer(int fd, unsigned status, struct MHD_Response *response, struct str body) {
  _cleanup_(buffer_free) struct buffer answer = BUFFER_EMPTY;
  append_head(&answer, status, response, body.length);
  buffer_append_str(&answer, body);
  if (answer.failed) return false;
  ssize_t sent = send(fd, answer.data, answer.length, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent == (ssize_t)answer.length;
}

/* --- Refusing --- */

void refusal_send(struct http_request *request) {
  struct http_connection *connection = request->connection;
  request->ends_connection = true;
  struct MHD_Response *response = respond_make(request);
  if (!response) return; /* memory was out: only hang up */
  struct str body = request->method == HTTP_HEAD ? STR("") : request->content;
  request->is_refused = write_answer(connection->fd, request->status, response, body);
  connection->lingers = request->is_refused;
  MHD_destroy_response(response);
}

static void refuse_request(struct http_request *request, unsigned status) {
  char spare[32];
  /* What of the headers has come: the steps have not begun. */
  if (request->phase == HTTP_PHASE_HEADERS) steps_note_head(request, NULL);
  http_answer_error(request, status, refusal_code(status, spare, sizeof(spare)));
  refusal_send(request);
}

/* There is no request yet: its very first line cannot be read. */
static bool refuse_line(int fd, unsigned status) {
  char spare[32], body[64], id[UUID_TEXT_LENGTH + 1] = "";
  int length = snprintf(body, sizeof(body), "[\"%s\"]", refusal_code(status, spare, sizeof(spare)));
  struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
  if (!response) return false;
  struct uuid uuid = uuid_random();
  uuid_format(uuid.bytes, id);
  respond_add_fixed_headers(NULL, response);
  MHD_add_response_header(response, "Content-Type", "application/json");
  MHD_add_response_header(response, "X-Request-Id", id);
  MHD_add_response_header(response, "Connection", "close");
  bool sent = write_answer(fd, status, response, (struct str){body, (size_t)length});
  MHD_destroy_response(response);
  log_event(LOG_LEVEL_INFO, "request refused", log_text("request_id", id),
            log_int("status", status), LOG_END);
  return sent;
}

/* --- The start's trial --- */

static _Thread_local bool trial_is_refused; /* what stands at the trial's connection */

static void on_trial_connection(void *argument, struct MHD_Connection *mhd, void **socket_context,
                                enum MHD_ConnectionNotificationCode code) {
  (void)argument, (void)mhd, (void)code;
  *socket_context = &trial_is_refused;
}

static enum MHD_Result on_trial_access(void *argument, struct MHD_Connection *mhd, const char *url,
                                       const char *method, const char *version, const char *upload,
                                       size_t *upload_size, void **request_context) {
  (void)argument, (void)mhd, (void)url, (void)method, (void)version, (void)upload;
  (void)upload_size, (void)request_context;
  return MHD_NO;
}

/* Gives `fd` away. */
static void try_connection(int fd) {
  enum { RUNS = 4 }; /* one takes the connection, one reads, one closes; and one more */
  struct sockaddr_in nobody = {.sin_family = AF_INET};
  struct MHD_Daemon *daemon =
      MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_trial_access,
                       NULL, MHD_OPTION_NOTIFY_CONNECTION, on_trial_connection, NULL,
                       MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
  if (!daemon) {
    close(fd);
    return;
  }
  MHD_add_connection(daemon, fd, (struct sockaddr *)&nobody, sizeof(nobody));
  for (int i = 0; i < RUNS; i++)
    MHD_run(daemon);
  MHD_stop_daemon(daemon);
}

/* Nothing may come back: it was told MHD_NO. */
bool refusal_works(struct error *error) {
  static const char BROKEN[] = "GET /\r\n\r\n";
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return error_set(error, ERROR_UNAVAILABLE, "no socket: %s", strerror(errno));
  _cleanup_close_ int client = ends[0];
  char answer;
  trial_is_refused = false;
  bool sent = send(client, BROKEN, sizeof(BROKEN) - 1, MSG_NOSIGNAL) > 0;
  try_connection(ends[1]);
  if (sent && trial_is_refused && recv(client, &answer, 1, 0) == 0) return true;
  return error_set(error, ERROR_INTERNAL,
                   "libmicrohttpd answers broken requests by itself: the executable must export "
                   "MHD_queue_response(), and libmicrohttpd must call it (see docs/decisions/010)");
}

/* Called by libmicrohttpd alone, when it refuses something. */
enum MHD_Result MHD_queue_response(struct MHD_Connection *mhd, unsigned status,
                                   struct MHD_Response *response) {
  (void)response;
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  if (!info || !info->socket_context) return MHD_NO; /* memory was out */
  if (info->socket_context == &trial_is_refused) {
    trial_is_refused = true;
    return MHD_NO;
  }
  struct http_connection *connection = info->socket_context;
  struct http_request *request = connection->request;
  if (!request)
    connection->lingers = refuse_line(connection->fd, status);
  else if (request->phase < HTTP_PHASE_WORKING)
    refuse_request(request, status);
  return MHD_NO;
}
