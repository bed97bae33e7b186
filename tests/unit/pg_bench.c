/* pg_bench.c: the server's side of a connection: it accepts one client and says what it is told.
 * Everything is on one thread: libpq connects without blocking, and the kernel keeps what is
 * written until the other side reads it. */
#include "pg_bench.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address_of(const struct pg_bench *bench) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", bench->folder);
  return address;
}

static void listen_in_folder(struct pg_bench *bench) {
  strcpy(bench->folder, "/tmp/pg-bench-XXXXXX");
  assert_non_null(mkdtemp(bench->folder));
  struct sockaddr_un address = address_of(bench);
  bench->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(bench->listener >= 0);
  assert_int_equal(bind(bench->listener, (struct sockaddr *)&address, sizeof(address)), 0);
  assert_int_equal(listen(bench->listener, 1), 0);
}

/* --- Messages: a type, the length of the rest, the rest (Postgres: "Message Formats") --- */

static void send_message(struct pg_bench *bench, char type, const char *body, size_t length) {
  struct buffer message = BUFFER_EMPTY;
  uint32_t rest = htonl((uint32_t)(length + sizeof(rest)));
  buffer_append_char(&message, type);
  buffer_append(&message, &rest, sizeof(rest));
  buffer_append(&message, body, length);
  assert_int_equal(write(bench->server, message.data, message.length), message.length);
  buffer_free(&message);
}

static void append_field(struct buffer *body, char code, const char *text) {
  buffer_append_char(body, code);
  buffer_append(body, text, strlen(text) + 1);
}

static void send_report(struct pg_bench *bench, char type, const char *sqlstate,
                        const char *function) {
  struct buffer body = BUFFER_EMPTY;
  char code[6] = "";
  memcpy(code, sqlstate, 5);
  append_field(&body, 'S', type == 'E' ? "ERROR" : "WARNING");
  append_field(&body, 'C', code);
  append_field(&body, 'M', "what happened");
  append_field(&body, 'R', function);
  buffer_append_char(&body, '\0');
  send_message(bench, type, body.data, body.length);
  buffer_free(&body);
}

void pg_bench_say(struct pg_bench *bench, const char *script) {
  for (const char *at = script; *at; at++) {
    switch (*at) {
    case ' ': break;
    case '1':
    case '2':
    case 'n': send_message(bench, *at, "", 0); break;
    case 'C': send_message(bench, 'C', "SELECT 0", 9); break;
    case 'I': send_message(bench, 'Z', "I", 1); break;
    case 'T': send_message(bench, 'Z', "T", 1); break;
    case 'E':
      send_report(bench, 'E', at + 1, "exec_simple_query");
      at += 5;
      break;
    case 'W':
      send_report(bench, 'N', at + 1, at[6] == '@' ? "SyncRepWaitForLSN" : "exec_stmt_raise");
      at += at[6] == '@' ? 6 : 5;
      break;
    default: fail_msg("no message for '%c'", *at);
    }
  }
  assert_int_equal(PQconsumeInput(bench->conn), 1);
}

/* --- Life --- */

static void accept_client(struct pg_bench *bench) {
  static const char OK[4] = {0}, KEY[8] = {0};
  char startup[512];
  bench->server = accept4(bench->listener, NULL, NULL, SOCK_CLOEXEC);
  assert_true(bench->server >= 0);
  assert_true(read(bench->server, startup, sizeof(startup)) > 0);
  send_message(bench, 'R', OK, sizeof(OK)); /* AuthenticationOk */
  send_message(bench, 'K', KEY, sizeof(KEY));
  send_message(bench, 'Z', "I", 1);
}

void pg_bench_open(struct pg_bench *bench) {
  char keywords[128];
  *bench = (struct pg_bench){.server = -1};
  listen_in_folder(bench);
  snprintf(keywords, sizeof(keywords), "host=%s port=5432 user=u dbname=d sslmode=disable",
           bench->folder);
  bench->conn = PQconnectStart(keywords);
  assert_non_null(bench->conn);
  PostgresPollingStatusType status = PGRES_POLLING_WRITING;
  while (status != PGRES_POLLING_OK) {
    assert_int_not_equal(status, PGRES_POLLING_FAILED);
    if (status == PGRES_POLLING_READING && bench->server < 0) accept_client(bench);
    short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    struct pollfd socket = {.fd = PQsocket(bench->conn), .events = events};
    assert_int_equal(poll(&socket, 1, 10000), 1);
    status = PQconnectPoll(bench->conn);
  }
  assert_int_equal(PQsetnonblocking(bench->conn, 1), 0);
  assert_int_equal(PQenterPipelineMode(bench->conn), 1);
}

void pg_bench_close(struct pg_bench *bench) {
  struct sockaddr_un address = address_of(bench);
  PQfinish(bench->conn);
  close(bench->server);
  close(bench->listener);
  unlink(address.sun_path);
  rmdir(bench->folder);
}
