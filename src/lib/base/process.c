/* process.c: what this process uses of the machine. */
#include "lib/base/process.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static int64_t started_unix_us;

void process_note_start(void) {
  started_unix_us = clock_unix_us();
}

static uint64_t microseconds(struct timeval time) {
  return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

/* "size resident …", in pages: proc(5). */
static void read_memory(struct process_usage *usage) {
  _cleanup_fclose_ FILE *file = fopen("/proc/self/statm", "re");
  char line[128];
  if (!file || !fgets(line, sizeof(line), file)) return;
  struct str rest = str_from(line), size, resident;
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), pages;
  if (!str_next(&rest, ' ', &size) || !str_next(&rest, ' ', &resident)) return;
  if (str_to_u64(size, 0, UINT32_MAX, &pages)) usage->virtual_bytes = pages * page;
  if (str_to_u64(resident, 0, UINT32_MAX, &pages)) usage->resident_bytes = pages * page;
}

/* Entries of a folder of /proc, without "." and "..". */
static uint64_t count_entries(const char *path) {
  DIR *folder = opendir(path);
  uint64_t count = 0;
  if (!folder) return 0;
  for (const struct dirent *entry; (entry = readdir(folder));)
    count += entry->d_name[0] != '.';
  closedir(folder);
  return count;
}

struct process_usage process_usage_now(void) {
  struct process_usage usage = {.start_unix_us = (uint64_t)started_unix_us};
  struct rusage times;
  struct rlimit files;
  if (getrusage(RUSAGE_SELF, &times) == 0)
    usage.cpu_us = microseconds(times.ru_utime) + microseconds(times.ru_stime);
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) usage.max_files = files.rlim_cur;
  read_memory(&usage);
  usage.threads = count_entries("/proc/self/task");
  uint64_t open_files = count_entries("/proc/self/fd");
  usage.open_files = open_files > 0 ? open_files - 1 : 0; /* less the one that counted */
  return usage;
}
