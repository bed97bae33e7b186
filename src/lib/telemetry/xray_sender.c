/* xray_sender.c: segments on their way to the X-Ray daemon.
 *
 * Datagrams gather in one buffer, one after another, and `ends` says where each of them ends. They
 * leave when there are DATAGRAMS_LIMIT of them, or FLUSH_MS after the first. Unlike an outbox
 * this needs no answers and keeps nothing back: UDP has none, and the kernel takes a datagram at
 * once or not at all. Everything runs on the loop's thread; only the counter is read by others. */
#include "lib/telemetry/xray_sender.h"

#include "lib/telemetry/xray.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { DATAGRAMS_LIMIT = 64, FLUSH_MS = 100 };

struct xray_sender {
  int fd;
  uv_timer_t timer;
  struct buffer text; /* the datagrams; its memory is used again */
  size_t ends[DATAGRAMS_LIMIT];
  unsigned count;
  bool closed;
  atomic_uint_fast64_t dropped;
};

struct xray_sender *xray_sender_new(struct loop *loop, int fd, struct error *error) {
  struct xray_sender *sender = calloc(1, sizeof(*sender));
  if (!sender) {
    error_set(error, ERROR_MEMORY, "out of memory for traces");
    return NULL;
  }
  loop_free_at_end(loop, sender);
  sender->fd = fd;
  uv_timer_init(loop_uv(loop), &sender->timer);
  sender->timer.data = sender;
  atomic_init(&sender->dropped, 0);
  return sender;
}

static void drop(struct xray_sender *sender, size_t count) {
  atomic_fetch_add_explicit(&sender->dropped, count, memory_order_relaxed);
}

static void flush(struct xray_sender *sender) {
  struct iovec parts[DATAGRAMS_LIMIT];
  struct mmsghdr messages[DATAGRAMS_LIMIT];
  size_t begin = 0;
  if (sender->count == 0) return;
  for (unsigned i = 0; i < sender->count; i++) {
    parts[i] = (struct iovec){sender->text.data + begin, sender->ends[i] - begin};
    messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
    begin = sender->ends[i];
  }
  int sent = sendmmsg(sender->fd, messages, sender->count, MSG_DONTWAIT | MSG_NOSIGNAL);
  drop(sender, sender->count - (sent > 0 ? (unsigned)sent : 0));
  sender->text.length = 0;
  sender->count = 0;
  uv_timer_stop(&sender->timer);
}

static void on_timer(uv_timer_t *timer) {
  flush(timer->data);
}

void xray_sender_add(struct xray_sender *sender, const char *service, const struct span *span) {
  assert(!sender->closed && sender->count < DATAGRAMS_LIMIT);
  xray_append_datagram(&sender->text, service, span);
  if (sender->text.failed) { /* memory is out: what the buffer holds is cut short */
    drop(sender, sender->count + 1);
    buffer_free(&sender->text);
    sender->count = 0;
    return;
  }
  sender->ends[sender->count++] = sender->text.length;
  if (sender->count == DATAGRAMS_LIMIT)
    flush(sender);
  else if (sender->count == 1)
    uv_timer_start(&sender->timer, on_timer, FLUSH_MS, 0);
}

void xray_sender_close(struct xray_sender *sender) {
  sender->closed = true;
  flush(sender);
  uv_close((uv_handle_t *)&sender->timer, NULL);
  buffer_free(&sender->text);
}

uint64_t xray_sender_dropped(const struct xray_sender *sender) {
  return atomic_load_explicit(&sender->dropped, memory_order_relaxed);
}
