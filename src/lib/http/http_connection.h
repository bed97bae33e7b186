/* http_connection.h: a client's connection: whom it is with, and how long it may take for what it
 * does. Inside of the room only. */
#pragma once

#include "lib/base/address.h"
#include "lib/loop/loop.h"

#include <sys/socket.h>

struct http_request;
struct lingerers;

/* libmicrohttpd knows no deadline that dripping bytes do not put off, and none at all for a
 * suspended connection, so each has a deadline for what it does now. */
enum connection_state {
  CONNECTION_FRESH,     /* nothing has come yet */
  CONNECTION_IDLE,      /* between two requests */
  CONNECTION_RECEIVING, /* a request is coming */
  CONNECTION_WORKING,   /* the answer is being made: what is waited for has deadlines of its own */
  CONNECTION_SENDING,   /* an answer is going out */
};

/* What the connections of one server share: their deadlines, and the sockets that linger. */
struct connection_deadlines {
  struct deadline_queue fresh, idle, receiving, sending;
  struct lingerers *lingerers;
};

struct http_connection {
  struct connection_deadlines *deadlines;
  struct http_request *request; /* the one that is being read or answered; NULL between two */
  enum connection_state state;
  bool suspended; /* libmicrohttpd waits until there is an answer */
  bool lingers;   /* once it is closed: an answer came before the end of its request */
  int fd;
  struct address peer;
  bool from_proxy; /* the peer is a proxy that is trusted */
  struct deadline deadline;
};

/* Makes the connection on the socket `fd`, which stays libmicrohttpd's. NULL when memory is out. */
struct http_connection *http_connection_new(struct connection_deadlines *deadlines, int fd);

/* Frees a connection that libmicrohttpd is about to close; its socket may linger. Takes NULL. */
void http_connection_free(struct http_connection *connection);

/* Closes the connection that has been idle for longest: one that was of use before one that brought
 * nothing yet, and none that has sent something. False when there is no such one. */
bool http_connection_close_idle(struct connection_deadlines *deadlines);

/* Goes over to another state, whose deadline begins now. */
void http_connection_enter(struct http_connection *connection, enum connection_state state);
