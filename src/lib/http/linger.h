/* linger.h: the end of a connection whose client is still sending. Inside of the room only.
 *
 * A socket that is closed while bytes of its client are unread sends a reset, and the client, or a
 * proxy that sends the whole body first, loses the answer. So after an answer that came before the
 * end of its request the socket stays open, half closed, and what comes is read and forgotten:
 * within a bound of bytes, of time, and of sockets. */
#pragma once

#include "lib/loop/loop.h"

enum {
  LINGER_BYTES = 8 * 1024 * 1024, /* of one client */
  LINGER_MS = 30 * 1000,
  LINGER_SOCKETS = 256, /* of one server; over it the oldest one is closed */
};

/* The sockets of one server that linger. */
struct lingerers {
  struct loop *loop;
  struct deadline_queue deadlines;
  unsigned count;
};

void linger_init(struct lingerers *linger, struct loop *loop);

/* Closes all of them, and begins no more. The memory must stay until the loop has ended. */
void linger_close(struct lingerers *linger);

/* Keeps the connection behind `fd` open, by a descriptor of its own: the caller closes `fd`.
 * Without memory or descriptors nothing lingers. */
void linger_begin(struct lingerers *linger, int fd);
