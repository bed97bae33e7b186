/* cgroup.h: what Linux's control groups let this process have. A container sees the processors and
 * the memory of its host; what it may use of them is in its control group and in those above.
 * Sources: the kernel's Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst and
 * scheduler/sched-bwc.rst; proc(5) for mountinfo, cgroups(7) for /proc/PID/cgroup. */
#pragma once

#include <stdint.h>

struct cgroup_limits {
  uint64_t cpu_thousandths; /* of one processor; 0: no limit */
  uint64_t memory_bytes;    /* 0: no limit */
};

/* Reads the tightest limits of the process's groups and of those above them that can be seen, of
 * version 1 and 2. `root` stands before each path that is read: "" for the machine's own. What
 * cannot be read, or makes no sense, limits nothing. */
struct cgroup_limits cgroup_read_limits(const char *root);

/* How many threads can do work at once: `processors` are there, and the limit rounded up is how
 * many of them can be used. At least 1. */
unsigned cgroup_usable_processors(const struct cgroup_limits *limits, unsigned processors);
