/* sink.c: takes what a traced server sends and throws it away, at the least cost: a collector that
 * answers every POST with 200, and the X-Ray daemon's UDP port. The benchmark's cores are shared,
 * so that a real collector would be measured with the server.
 *
 * Writes "HTTP-PORT UDP-PORT" at the start; at SIGTERM "REQUESTS BYTES DATAGRAMS". */
#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS_LIMIT = 256, HEAD_LIMIT = 16 * 1024, CHUNK = 256 * 1024, DATAGRAMS = 64 };

struct client {
  char head[HEAD_LIMIT];
  size_t head_length;
  size_t body_left; /* of the request being read; 0: its head is */
};

static struct client *clients[CLIENTS_LIMIT]; /* by descriptor */
static unsigned long long requests, bytes, datagrams;

static void must(bool good, const char *what) {
  if (good) return;
  perror(what);
  exit(1);
}

static int open_port(int type, unsigned *ret_port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof(address);
  int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
  must(fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0, "bind");
  must(type == SOCK_DGRAM || listen(fd, 64) == 0, "listen");
  must(getsockname(fd, (struct sockaddr *)&address, &length) == 0, "getsockname");
  *ret_port = ntohs(address.sin_port);
  return fd;
}

static void hang_up(int fd) {
  close(fd);
  free(clients[fd]);
  clients[fd] = NULL;
}

static void answer(int fd) {
  static const char ANSWER[] =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
  requests++;
  if (send(fd, ANSWER, sizeof(ANSWER) - 1, MSG_NOSIGNAL) < 0) hang_up(fd);
}

/* The body's length; what has come of it is taken off. */
static void take_head(int fd, struct client *client, const char *end) {
  const char *at = client->head;
  size_t length = 0;
  while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
    at++;
    if (strncasecmp(at, "content-length:", 15) == 0) length = strtoul(at + 15, NULL, 10);
  }
  size_t here = (size_t)(client->head + client->head_length - end);
  bytes += length;
  client->body_left = length > here ? length - here : 0;
  client->head_length = 0;
  if (client->body_left == 0) answer(fd);
}

static void on_client(int fd) {
  static char chunk[CHUNK];
  struct client *client = clients[fd];
  bool in_body = client->body_left > 0;
  char *into = in_body ? chunk : client->head + client->head_length;
  size_t room = in_body ? sizeof(chunk) : HEAD_LIMIT - client->head_length;
  if (in_body && room > client->body_left) room = client->body_left;
  ssize_t length = room > 0 ? recv(fd, into, room, 0) : 0;
  if (length <= 0) {
    hang_up(fd);
  } else if (in_body) {
    client->body_left -= (size_t)length;
    if (client->body_left == 0) answer(fd);
  } else {
    client->head_length += (size_t)length;
    char *end = memmem(client->head, client->head_length, "\r\n\r\n", 4);
    if (end) take_head(fd, client, end + 4);
  }
}

static void on_datagrams(int fd) {
  static char texts[DATAGRAMS][2048];
  struct iovec parts[DATAGRAMS];
  struct mmsghdr messages[DATAGRAMS];
  for (int i = 0; i < DATAGRAMS; i++) {
    parts[i] = (struct iovec){texts[i], sizeof(texts[i])};
    messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
  }
  int count = recvmmsg(fd, messages, DATAGRAMS, MSG_DONTWAIT, NULL);
  if (count > 0) datagrams += (unsigned)count;
}

static void watch(int epoll_fd, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static void on_connection(int epoll_fd, int listen_fd) {
  int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK);
  if (fd < 0) return;
  must(fd < CLIENTS_LIMIT, "too many connections");
  clients[fd] = calloc(1, sizeof(struct client));
  must(clients[fd] != NULL, "calloc");
  watch(epoll_fd, fd);
}

int main(void) {
  unsigned http_port, udp_port;
  int http = open_port(SOCK_STREAM, &http_port), udp = open_port(SOCK_DGRAM, &udp_port);
  int epoll_fd = epoll_create1(0);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  int stop = signalfd(-1, &signals, 0);
  must(epoll_fd >= 0 && stop >= 0, "epoll");
  watch(epoll_fd, http), watch(epoll_fd, udp), watch(epoll_fd, stop);
  printf("%u %u\n", http_port, udp_port);
  fflush(stdout);
  for (;;) {
    struct epoll_event event;
    if (epoll_wait(epoll_fd, &event, 1, -1) < 1) continue;
    int fd = event.data.fd;
    if (fd == stop) break;
    if (fd == http)
      on_connection(epoll_fd, http);
    else if (fd == udp)
      on_datagrams(udp);
    else
      on_client(fd);
  }
  printf("%llu %llu %llu\n", requests, bytes, datagrams);
  return 0;
}
