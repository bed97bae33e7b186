/* process.h: what this process uses of the machine: proc(5), getrlimit(2). */
#pragma once

#include <stdint.h>

struct process_usage {
  uint64_t start_unix_us; /* when process_note_start() was called */
  uint64_t cpu_us;        /* of all threads, user and system */
  uint64_t resident_bytes;
  uint64_t virtual_bytes;
  uint64_t open_files, max_files; /* descriptors; the limit that is in force */
  uint64_t threads;
};

/* To be called once, when the process begins its work. */
void process_note_start(void);

/* What cannot be read is 0. It reads files of /proc, which wait for no disk. */
struct process_usage process_usage_now(void);
