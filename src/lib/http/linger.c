/* linger.c: reads what clients still send after their answer.
 *
 * Each socket ends when its client closes it, at its bound of bytes, at its deadline, or when the
 * server does. All of it belongs to one loop. */
#include "lib/http/linger.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 16 * 1024, READS_A_TURN = 16 };

struct lingering {
  struct lingerers *linger;
  struct deadline deadline;
  uv_poll_t poll;
  int fd;
  size_t left; /* bytes that may still come */
};

static void on_closed(uv_handle_t *handle) {
  free(handle->data);
}

static void end(struct lingering *lingering) {
  assert(lingering->linger->count > 0);
  lingering->linger->count--;
  loop_deadline_stop(&lingering->deadline);
  uv_close((uv_handle_t *)&lingering->poll, on_closed);
  close(lingering->fd);
}

static void on_deadline(struct deadline *deadline) {
  end(LIST_ENTRY(deadline, struct lingering, deadline));
}

/* False when nothing more is to be expected. */
static bool read_some(struct lingering *lingering) {
  char bytes[READ_BYTES];
  for (int i = 0; i < READS_A_TURN; i++) {
    ssize_t length = recv(lingering->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (length < 0) return errno == EAGAIN || errno == EINTR;
    if (length == 0 || (size_t)length > lingering->left) return false;
    lingering->left -= (size_t)length;
  }
  return true;
}

static void on_readable(uv_poll_t *poll, int status, int events) {
  (void)events;
  struct lingering *lingering = poll->data;
  if (status < 0 || !read_some(lingering)) end(lingering);
}

static bool start(struct lingering *lingering, int fd) {
  struct lingerers *linger = lingering->linger;
  lingering->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (lingering->fd < 0) return false;
  if (uv_poll_init(loop_uv(linger->loop), &lingering->poll, lingering->fd) != 0) {
    close(lingering->fd);
    return false;
  }
  lingering->poll.data = lingering;
  uv_poll_start(&lingering->poll, UV_READABLE, on_readable);
  loop_deadline_init(&lingering->deadline, on_deadline);
  loop_deadline_start(&linger->deadlines, &lingering->deadline);
  linger->count++;
  return true;
}

void linger_begin(struct lingerers *linger, int fd) {
  struct lingering *lingering = linger->deadlines.closing ? NULL : calloc(1, sizeof(*lingering));
  if (!lingering) return;
  *lingering = (struct lingering){.linger = linger, .left = LINGER_BYTES};
  if (!start(lingering, fd)) {
    free(lingering);
    return;
  }
  if (linger->count > LINGER_SOCKETS) loop_deadlines_expire_first(&linger->deadlines);
}

void linger_init(struct lingerers *linger, struct loop *loop) {
  *linger = (struct lingerers){.loop = loop};
  loop_deadlines_init(&linger->deadlines, loop, LINGER_MS);
}

void linger_close(struct lingerers *linger) {
  while (loop_deadlines_expire_first(&linger->deadlines))
    continue;
  assert(linger->count == 0);
  loop_deadlines_close(&linger->deadlines);
}
