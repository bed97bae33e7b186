/* timing.c: where the time of one request went. */
#include "lib/base/timing.h"

#include <stdio.h>

void timing_add(struct timing *timing, uint64_t queued_us, uint64_t called_us) {
  if (!timing) return;
  timing->queued_us += queued_us;
  timing->called_us += called_us;
}

void timing_name(struct timing *timing, const char *call) {
  if (!timing || timing->length == sizeof(timing->calls) - 1) return;
  size_t room = sizeof(timing->calls) - timing->length;
  int length =
      snprintf(timing->calls + timing->length, room, "%s%s", timing->length ? " " : "", call);
  timing->length += (size_t)length < room ? (size_t)length : room - 1;
}
