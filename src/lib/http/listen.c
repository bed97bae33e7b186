/* listen.c: listening sockets that share one port. */
#include "lib/base/cleanup.h"
#include "lib/http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { BACKLOG = 4096 }; /* the kernel cuts it to net.core.somaxconn */

static int open_socket(bool *ret_ipv6) {
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  *ret_ipv6 = fd >= 0;
  if (fd < 0) return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int off = 0;
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  return fd;
}

static int bind_port(int fd, bool ipv6, unsigned port) {
  if (ipv6) {
    struct sockaddr_in6 any = {
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = in6addr_any};
    return bind(fd, (struct sockaddr *)&any, sizeof(any));
  }
  struct sockaddr_in any = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_ANY)};
  return bind(fd, (struct sockaddr *)&any, sizeof(any));
}

static bool bound_port(int fd, unsigned *ret_port) {
  union {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
  } address = {.any.sa_family = AF_UNSPEC};
  socklen_t length = sizeof(address);
  if (getsockname(fd, &address.any, &length) != 0) return false;
  *ret_port =
      ntohs(address.any.sa_family == AF_INET6 ? address.ipv6.sin6_port : address.ipv4.sin_port);
  return true;
}

static bool complain(unsigned port, int number, struct error *error) {
  if (number == EADDRINUSE)
    return error_set(error, ERROR_CONFLICT,
                     "PORT %u is in use by another process; stop it or choose another, for "
                     "example PORT=%u",
                     port, port < 65535 ? port + 1 : 4567);
  return error_set(error, ERROR_INVALID, "PORT %u cannot be listened on: %s", port,
                   strerror(number));
}

/* SO_REUSEPORT would let two servers share the port and each answer half of the requests: a socket
 * without it finds out whether somebody else is there. It must not listen: a balancer that tries
 * again and again would get its connection reset. */
static bool port_is_free(unsigned port, struct error *error) {
  bool ipv6;
  _cleanup_close_ int fd = open_socket(&ipv6);
  if (fd < 0) return error_set(error, ERROR_UNAVAILABLE, "no socket: %s", strerror(errno));
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind_port(fd, ipv6, port) != 0) return complain(port, errno, error);
  return true;
}

int http_listen(unsigned port, bool first, unsigned *ret_port, struct error *error) {
  if (first && port != 0 && !port_is_free(port, error)) return -1;
  bool ipv6;
  int fd = open_socket(&ipv6);
  if (fd < 0) {
    error_set(error, ERROR_UNAVAILABLE, "no socket: %s", strerror(errno));
    return -1;
  }
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  if (bind_port(fd, ipv6, port) != 0 || listen(fd, BACKLOG) != 0 || !bound_port(fd, ret_port)) {
    complain(port, errno, error);
    close(fd);
    return -1;
  }
  return fd;
}
