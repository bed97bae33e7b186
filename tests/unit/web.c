/* web.c: see web.h. */
#include "web.h"

#include <arpa/inet.h>
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_LIMIT = 64, REQUEST_SIZE = 256 * 1024 };

struct connection {
  struct web *web;
  int fd;
  pthread_t thread;
};

struct web {
  int fd;
  unsigned port;
  char url[512];
  web_answer answer;
  void *argument;
  pthread_t thread;
  pthread_mutex_t mutex; /* guards the connections and `stopping` */
  bool stopping;
  struct connection connections[CONNECTIONS_LIMIT];
  atomic_uint connection_count;
  atomic_uint request_count;
};

static size_t body_length(const char *head) {
  const char *line = strcasestr(head, "\r\nContent-Length:");
  return line ? strtoul(line + strlen("\r\nContent-Length:"), NULL, 10) : 0;
}

/* Reads one request; false when the client left. */
static bool read_request(int fd, char *text) {
  size_t length = 0;
  for (;;) {
    text[length] = '\0';
    const char *end = strstr(text, "\r\n\r\n");
    if (end && length >= (size_t)(end - text) + 4 + body_length(text)) return true;
    assert(length < REQUEST_SIZE - 1);
    ssize_t count = read(fd, text + length, REQUEST_SIZE - 1 - length);
    if (count <= 0) return false;
    length += (size_t)count;
  }
}

static void *serve_connection(void *argument) {
  struct connection *connection = argument;
  struct web *web = connection->web;
  char *text = malloc(REQUEST_SIZE);
  assert(text);
  while (read_request(connection->fd, text)) {
    atomic_fetch_add(&web->request_count, 1);
    if (!web->answer(web, connection->fd, text, web->argument)) break;
  }
  free(text);
  shutdown(connection->fd, SHUT_RDWR); /* closed by web_stop(): the number is not reused before */
  return NULL;
}

static void *accept_connections(void *argument) {
  struct web *web = argument;
  for (;;) {
    int fd = accept(web->fd, NULL, NULL);
    if (fd < 0) return NULL;
    pthread_mutex_lock(&web->mutex);
    unsigned index = atomic_load(&web->connection_count);
    bool serve = !web->stopping && index < CONNECTIONS_LIMIT;
    if (serve) {
      struct connection *connection = &web->connections[index];
      *connection = (struct connection){.web = web, .fd = fd};
      atomic_fetch_add(&web->connection_count, 1);
      pthread_create(&connection->thread, NULL, serve_connection, connection);
    } else {
      close(fd);
    }
    pthread_mutex_unlock(&web->mutex);
  }
}

struct web *web_start(web_answer answer, void *argument) {
  struct web *web = calloc(1, sizeof(*web));
  assert(web);
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  web->answer = answer;
  web->argument = argument;
  web->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int failed = bind(web->fd, (struct sockaddr *)&address, length) || listen(web->fd, 64) ||
               getsockname(web->fd, (struct sockaddr *)&address, &length);
  assert(!failed);
  (void)failed;
  web->port = ntohs(address.sin_port);
  pthread_mutex_init(&web->mutex, NULL);
  pthread_create(&web->thread, NULL, accept_connections, web);
  return web;
}

void web_stop(struct web *web) {
  pthread_mutex_lock(&web->mutex);
  web->stopping = true;
  unsigned count = atomic_load(&web->connection_count);
  for (unsigned i = 0; i < count; i++)
    shutdown(web->connections[i].fd, SHUT_RDWR);
  pthread_mutex_unlock(&web->mutex);
  shutdown(web->fd, SHUT_RDWR);
  pthread_join(web->thread, NULL);
  for (unsigned i = 0; i < count; i++) {
    pthread_join(web->connections[i].thread, NULL);
    close(web->connections[i].fd);
  }
  close(web->fd);
  pthread_mutex_destroy(&web->mutex);
  free(web);
}

const char *web_url(struct web *web, const char *path) {
  snprintf(web->url, sizeof(web->url), "http://127.0.0.1:%u%s", web->port, path);
  return web->url;
}

unsigned web_connections(const struct web *web) {
  return atomic_load(&web->connection_count);
}

unsigned web_requests(const struct web *web) {
  return atomic_load(&web->request_count);
}

bool web_write(int fd, const char *text) {
  size_t left = strlen(text);
  while (left > 0) {
    ssize_t count = send(fd, text, left, MSG_NOSIGNAL);
    if (count <= 0) return false;
    text += count;
    left -= (size_t)count;
  }
  return true;
}

bool web_write_answer(int fd, const char *status_line, const char *body) {
  char head[256];
  snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", status_line,
           strlen(body));
  return web_write(fd, head) && web_write(fd, body);
}

void web_wait_for_end(int fd) {
  char byte;
  while (recv(fd, &byte, 1, 0) > 0) {
  }
}
