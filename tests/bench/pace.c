/* pace.c: sends POST requests at a steady rate, which wrk cannot: it sends as fast as it is
 * answered.
 *
 *     pace PORT REQUESTS-A-SECOND PATH TOKEN BODY
 *
 * Each request goes over a kept connection of 127.0.0.1:PORT that waits for no answer; when all do,
 * it is not sent, but counted as late. Runs until SIGTERM, then writes "GOOD FAILED LATE" to
 * stdout. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 128, ANSWER_LIMIT = 16 * 1024, REQUEST_LIMIT = 8 * 1024 };

struct connection {
  int fd;
  bool waits;
  size_t length;
  char answer[ANSWER_LIMIT + 1];
};

static struct connection connections[CONNECTIONS];
static char request[REQUEST_LIMIT];
static size_t request_length;
static unsigned long long good, failed, late;

static void must(bool well, const char *what) {
  if (well) return;
  perror(what);
  exit(1);
}

static int connect_to(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                .sin_port = htons((uint16_t)port)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  must(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  return fd;
}

static void send_one(void) {
  for (int i = 0; i < CONNECTIONS; i++) {
    struct connection *connection = &connections[i];
    if (connection->waits || connection->fd < 0) continue;
    ssize_t sent = send(connection->fd, request, request_length, MSG_NOSIGNAL);
    if (sent != (ssize_t)request_length) failed++;
    connection->waits = true;
    return;
  }
  late++;
}

/* The length of the whole answer; 0 while its head is not complete. */
static size_t answer_length(const char *answer) {
  const char *end = strstr(answer, "\r\n\r\n");
  if (!end) return 0;
  const char *length = strcasestr(answer, "\r\ncontent-length:");
  return (size_t)(end + 4 - answer) + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
}

static void on_answer(struct connection *connection) {
  ssize_t length = recv(connection->fd, connection->answer + connection->length,
                        ANSWER_LIMIT - connection->length, 0);
  if (length <= 0) { /* hung up, or an answer longer than any that is meant */
    failed += connection->waits;
    close(connection->fd);
    connection->fd = -1;
    return;
  }
  connection->length += (size_t)length;
  connection->answer[connection->length] = '\0';
  size_t whole = answer_length(connection->answer);
  if (whole == 0 || connection->length < whole) return;
  if (strncmp(connection->answer, "HTTP/1.1 200 ", 13) == 0)
    good++;
  else
    failed++;
  connection->waits = false;
  connection->length = 0;
}

static void on_tick(int timer) {
  uint64_t ticks;
  if (read(timer, &ticks, sizeof(ticks)) != sizeof(ticks)) return;
  for (; ticks > 0; ticks--)
    send_one();
}

static int start_timer(long rate) {
  must(rate > 0, "rate");
  long interval_ns = 1000000000L / rate;
  struct timespec interval = {interval_ns / 1000000000, interval_ns % 1000000000};
  struct itimerspec setting = {interval, interval};
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  must(timer >= 0 && timerfd_settime(timer, 0, &setting, NULL) == 0, "timerfd");
  return timer;
}

static int catch_end(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  return signalfd(-1, &signals, SFD_CLOEXEC);
}

static void watch(int epoll_fd, int fd, int number) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = number};
  must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

int main(int argc, char **argv) {
  enum { TICK = CONNECTIONS, END };
  if (argc != 6) {
    fprintf(stderr, "usage: pace PORT REQUESTS-A-SECOND PATH TOKEN BODY\n");
    return 2;
  }
  int length = snprintf(request, sizeof(request),
                        "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        argv[3], argv[4], strlen(argv[5]), argv[5]);
  must(length > 0 && (size_t)length < sizeof(request), "request");
  request_length = (size_t)length;
  int epoll_fd = epoll_create1(EPOLL_CLOEXEC), end = catch_end();
  for (int i = 0; i < CONNECTIONS; i++) {
    connections[i].fd = connect_to(atoi(argv[1]));
    watch(epoll_fd, connections[i].fd, i);
  }
  int timer = start_timer(atol(argv[2]));
  watch(epoll_fd, timer, TICK);
  watch(epoll_fd, end, END);
  for (;;) {
    struct epoll_event event;
    if (epoll_wait(epoll_fd, &event, 1, -1) < 1) continue;
    if (event.data.fd == END) break;
    if (event.data.fd == TICK)
      on_tick(timer);
    else
      on_answer(&connections[event.data.fd]);
  }
  printf("%llu %llu %llu\n", good, failed, late);
  return 0;
}
