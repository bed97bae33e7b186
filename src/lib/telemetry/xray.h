/* xray.h: spans as X-Ray segments and subsegments, sent to the X-Ray daemon over UDP (AWS X-Ray
 * Developer Guide, "X-Ray segment documents" and "Sending trace data"). */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"
#include "lib/base/trace.h"

/* Appends the datagram of one span: the daemon's header line and the document. */
void xray_append_datagram(struct buffer *datagram, const char *service, const struct span *span);

/* Opens a datagram socket to "host:port", "udp:host:port" or "tcp:host:port udp:host:port". It
 * resolves the name, which blocks: call it at the start, not on a loop. Returns the descriptor,
 * which is the caller's, or -1. */
int xray_open(const char *daemon_address, struct error *error);
