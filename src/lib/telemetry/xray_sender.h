/* xray_sender.h: segments on their way to the X-Ray daemon: several leave with one system call,
 * which also wakes the daemon only once for all of them. Inside of the room only. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/trace.h"
#include "lib/loop/loop.h"

struct xray_sender;

/* Makes the sender of `loop`; `fd`, from xray_open(), stays the caller's. The memory goes with the
 * loop. NULL when there is none. */
struct xray_sender *xray_sender_new(struct loop *loop, int fd, struct error *error);

/* Adds the segment of a span of `service`. It leaves within a tenth of a second; if the kernel does
 * not take it then, it is dropped and counted. */
void xray_sender_add(struct xray_sender *sender, const char *service, const struct span *span);

/* Sends what is left; nothing may be added afterwards. */
void xray_sender_close(struct xray_sender *sender);

/* Segments that were dropped; from any thread. */
uint64_t xray_sender_dropped(const struct xray_sender *sender);
