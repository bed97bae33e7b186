/* delay.c: a proxy that delays what it forwards, in both directions, as the network between two
 * availability zones does. Everything arrives in order and complete; only later.
 *
 *     delay UNIX-SOCKET MICROSECONDS
 *
 * Listens on 127.0.0.1, writes its port to stdout, and connects each client with UNIX-SOCKET. One
 * thread. Runs until SIGTERM. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
  CHUNK_LIMIT = 64 * 1024,
  QUEUE_LIMIT = 4096,       /* chunks on their way; nothing more is read while there are so many */
  BUFFER_SIZE = 4 << 20,    /* of a socket, so that writing does not have to wait */
  WRITE_TIMEOUT_MS = 10000, /* a receiver that reads nothing for so long is given up */
};

/* A client and its connection to the target. Each side stops sending with a chunk of no bytes. */
struct side {
  struct link *link;
  int fd;
};

struct link {
  struct side sides[2];
  int ended;
};

struct chunk {
  struct chunk *next;
  int64_t due_us;
  struct side *to;
  size_t length; /* 0: the sender has ended */
  char bytes[];
};

/* The delay is the same for all, so that the order of arrival is the order of delivery. */
static struct chunk *first, **last = &first;
static int queued, epoll_fd;
static int64_t delay_us;

static void must(bool good, const char *what) {
  if (good) return;
  perror(what);
  exit(1);
}

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void set_buffers(int fd) {
  int size = BUFFER_SIZE, one = 1;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void watch(int fd, void *what) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
  must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  must(strlen(path) < sizeof(address.sun_path), "path");
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  must(fd >= 0, "socket");
  if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) return fd;
  close(fd);
  return -1;
}

static void accept_client(int listen_fd, const char *path) {
  int client = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
  if (client < 0) return;
  int target = connect_to(path);
  if (target < 0) {
    close(client);
    return;
  }
  struct link *link = calloc(1, sizeof(*link));
  must(link != NULL, "calloc");
  int fds[2] = {client, target};
  for (int i = 0; i < 2; i++) {
    set_buffers(fds[i]);
    link->sides[i] = (struct side){link, fds[i]};
    watch(fds[i], &link->sides[i]);
  }
}

static struct side *other(struct side *side) {
  return side == &side->link->sides[0] ? &side->link->sides[1] : &side->link->sides[0];
}

static void read_chunk(struct side *from) {
  static char bytes[CHUNK_LIMIT];
  ssize_t length = recv(from->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (length < 0) length = 0;
  if (length == 0) epoll_ctl(epoll_fd, EPOLL_CTL_DEL, from->fd, NULL);
  struct chunk *chunk = malloc(sizeof(*chunk) + (size_t)length);
  must(chunk != NULL, "malloc");
  *chunk =
      (struct chunk){.due_us = now_us() + delay_us, .to = other(from), .length = (size_t)length};
  memcpy(chunk->bytes, bytes, (size_t)length);
  *last = chunk;
  last = &chunk->next;
  queued++;
}

/* What a receiver that has gone does not take is dropped: its own end is on its way. */
static void write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0 && errno == EAGAIN) {
      struct pollfd room = {.fd = fd, .events = POLLOUT};
      if (poll(&room, 1, WRITE_TIMEOUT_MS) < 1) return;
      continue;
    }
    if (written < 0) return;
    bytes += written;
    length -= (size_t)written;
  }
}

static void end_side(struct side *to) {
  struct link *link = to->link;
  shutdown(to->fd, SHUT_WR);
  if (++link->ended < 2) return;
  close(link->sides[0].fd);
  close(link->sides[1].fd);
  free(link);
}

static void deliver_due(void) {
  while (first && first->due_us <= now_us()) {
    struct chunk *chunk = first;
    first = chunk->next;
    if (!first) last = &first;
    queued--;
    if (chunk->length > 0)
      write_all(chunk->to->fd, chunk->bytes, chunk->length);
    else
      end_side(chunk->to);
    free(chunk);
  }
}

static int wait_for(struct epoll_event *events, int limit) {
  int64_t left = first ? first->due_us - now_us() : 0;
  if (left < 0) left = 0;
  struct timespec until = {left / 1000000, left % 1000000 * 1000};
  if (queued >= QUEUE_LIMIT) {
    nanosleep(&until, NULL);
    return 0;
  }
  return epoll_pwait2(epoll_fd, events, limit, first ? &until : NULL, NULL);
}

static int open_port(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof(address);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  must(fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0, "bind");
  must(listen(fd, 512) == 0 && getsockname(fd, (struct sockaddr *)&address, &length) == 0,
       "listen");
  printf("%u\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: delay UNIX-SOCKET MICROSECONDS\n");
    return 2;
  }
  delay_us = atol(argv[2]);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  int listen_fd = open_port();
  watch(listen_fd, NULL);
  for (;;) {
    struct epoll_event events[64];
    int count = wait_for(events, 64);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr)
        read_chunk(events[i].data.ptr);
      else
        accept_client(listen_fd, argv[1]);
    }
    deliver_due();
  }
}
