/* http_connection.c: a client's connection and its deadlines.
 *
 * A connection that exceeds its deadline has its socket shut down; libmicrohttpd notices the end
 * and cleans up as if the client had left. The states follow each other in a ring: idle, receiving,
 * working, sending, and idle again; a new one is fresh. An answer may come early, and a request may
 * end at any time. */
#include "lib/http/http_connection.h"

#include "lib/http/linger.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/ioctl.h>

static void on_deadline(struct deadline *deadline) {
  const struct http_connection *connection = LIST_ENTRY(deadline, struct http_connection, deadline);
  shutdown(connection->fd, SHUT_RDWR);
}

struct http_connection *http_connection_new(struct connection_deadlines *deadlines, int fd) {
  struct http_connection *connection = calloc(1, sizeof(*connection));
  if (!connection) return NULL;
  connection->deadlines = deadlines;
  connection->fd = fd;
  loop_deadline_init(&connection->deadline, on_deadline);
  loop_deadline_start(&deadlines->fresh, &connection->deadline);
  return connection;
}

void http_connection_free(struct http_connection *connection) {
  if (!connection) return;
  assert(!connection->request && "a request ends before its connection");
  loop_deadline_stop(&connection->deadline);
  if (connection->lingers) linger_begin(connection->deadlines->lingerers, connection->fd);
  free(connection);
}

static bool has_sent_nothing(const struct http_connection *connection) {
  int waiting = 0;
  return ioctl(connection->fd, FIONREAD, &waiting) == 0 && waiting == 0;
}

static bool close_first(struct deadline_queue *queue) {
  enum { TRIES = 64 }; /* more than bring a request at one moment */
  struct list *node = queue->deadlines.next;
  for (int i = 0; i < TRIES && node != &queue->deadlines; i++, node = node->next) {
    struct deadline *deadline = LIST_ENTRY(node, struct deadline, node);
    if (!has_sent_nothing(LIST_ENTRY(deadline, const struct http_connection, deadline))) continue;
    loop_deadline_stop(deadline);
    on_deadline(deadline);
    return true;
  }
  return false;
}

bool http_connection_close_idle(struct connection_deadlines *deadlines) {
  return close_first(&deadlines->idle) || close_first(&deadlines->fresh);
}

void http_connection_enter(struct http_connection *connection, enum connection_state state) {
  struct connection_deadlines *deadlines = connection->deadlines;
  assert(state == CONNECTION_IDLE || state > connection->state);
  connection->state = state;
  switch (state) {
  case CONNECTION_FRESH: assert(false && "only a new connection is"); break;
  case CONNECTION_IDLE: loop_deadline_start(&deadlines->idle, &connection->deadline); break;
  case CONNECTION_RECEIVING:
    loop_deadline_start(&deadlines->receiving, &connection->deadline);
    break;
  case CONNECTION_WORKING: loop_deadline_stop(&connection->deadline); break;
  case CONNECTION_SENDING: loop_deadline_start(&deadlines->sending, &connection->deadline); break;
  }
}
