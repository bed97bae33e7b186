/* cgroup.c: finds the limits of the process's control groups. /proc/self/mountinfo says where the
 * hierarchies are mounted, /proc/self/cgroup in which group of each the process is; from there it
 * climbs to the top, because each group above may be the tightest. Read once, at the start. */
#include "lib/base/cgroup.h"

#include "lib/base/cleanup.h"
#include "lib/base/str.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_SIZE = 64 }; /* of the files with limits: two numbers at most */

/* Version 1 says "no limit" with the largest number of pages. */
static const uint64_t MEMORY_SANE = 1ULL << 60;

/* The files of the machine below `root`, and what was found so far. */
struct search {
  const char *root;
  struct cgroup_limits limits;
};

static void lower(uint64_t *limit, uint64_t value) {
  if (value > 0 && (*limit == 0 || value < *limit)) *limit = value;
}

/* --- The files of one group --- */

/* NULL when there is no such file. */
static FILE *open_file(const struct search *search, const char *folder, const char *file) {
  char path[PATH_MAX];
  int length = snprintf(path, sizeof(path), "%s%s/%s", search->root, folder, file);
  return length > 0 && (size_t)length < sizeof(path) ? fopen(path, "re") : NULL;
}

/* The first line of a file, in `line`. */
static bool read_line(const struct search *search, const char *folder, const char *file,
                      char line[LINE_SIZE], struct str *ret_line) {
  _cleanup_fclose_ FILE *stream = open_file(search, folder, file);
  if (!stream || !fgets(line, LINE_SIZE, stream)) return false;
  *ret_line = str_from(line);
  return true;
}

/* Cuts the next number off a line; false for a word ("max") or a negative number ("-1"). */
static bool next_number(struct str *line, uint64_t *ret_number) {
  *line = str_trim(*line);
  return str_cut_u64(line, 0, UINT64_MAX, ret_number);
}

static void take_quota(struct search *search, uint64_t quota_us, uint64_t period_us) {
  if (period_us == 0 || quota_us > UINT64_MAX / 1000) return;
  uint64_t thousandths = quota_us * 1000 / period_us;
  lower(&search->limits.cpu_thousandths, thousandths ? thousandths : 1);
}

static void read_cpu(struct search *search, const char *folder) {
  char line[LINE_SIZE];
  struct str rest;
  uint64_t quota, period;
  if (read_line(search, folder, "cpu.max", line, &rest) && next_number(&rest, &quota) &&
      next_number(&rest, &period))
    take_quota(search, quota, period);
  if (read_line(search, folder, "cpu.cfs_quota_us", line, &rest) && next_number(&rest, &quota) &&
      read_line(search, folder, "cpu.cfs_period_us", line, &rest) && next_number(&rest, &period))
    take_quota(search, quota, period);
}

static void read_memory(struct search *search, const char *folder) {
  static const char *const FILES[] = {"memory.max", "memory.limit_in_bytes"};
  for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
    char line[LINE_SIZE];
    struct str rest;
    uint64_t bytes;
    if (read_line(search, folder, FILES[i], line, &rest) && next_number(&rest, &bytes) &&
        bytes < MEMORY_SANE)
      lower(&search->limits.memory_bytes, bytes);
  }
}

/* --- From the process to its groups --- */

/* A line of /proc/PID/mountinfo that mounts control groups. */
struct mount {
  char *root, *point;  /* which group is seen, and where */
  const char *options; /* version 1: the controllers; NULL: version 2, which has them all */
};

static bool has_item(const char *list, const char *item) {
  struct str rest = str_from(list), each;
  while (str_next(&rest, ',', &each))
    if (str_equal(each, str_from(item))) return true;
  return false;
}

/* Cuts the first `count` words off a line; false when there are fewer. */
static bool cut_words(char *line, char **ret_words, int count) {
  char *state = NULL;
  for (int i = 0; i < count; i++) {
    ret_words[i] = strtok_r(i == 0 ? line : NULL, " \n", &state);
    if (!ret_words[i]) return false;
  }
  return true;
}

/* "31 23 0:28 ROOT POINT options … - TYPE source SUPER-OPTIONS" */
static bool parse_mount(char *line, struct mount *ret_mount) {
  char *before[5], *behind[3], *dash = strstr(line, " - ");
  if (!dash) return false;
  *dash = '\0';
  if (!cut_words(line, before, 5) || !cut_words(dash + 3, behind, 3)) return false;
  bool version_2 = strcmp(behind[0], "cgroup2") == 0;
  *ret_mount = (struct mount){before[3], before[4], version_2 ? NULL : behind[2]};
  return version_2 || strcmp(behind[0], "cgroup") == 0;
}

/* The process's group in the hierarchy of `mount`, by /proc/PID/cgroup: "4:cpu,cpuacct:/group", or
 * "0::/group" in version 2. */
static bool find_group(const struct search *search, const char *controller, bool version_2,
                       char ret_group[PATH_MAX]) {
  _cleanup_fclose_ FILE *stream = open_file(search, "/proc/self", "cgroup");
  char line[PATH_MAX];
  while (stream && fgets(line, sizeof(line), stream)) {
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group) continue;
    *controllers++ = '\0', *group++ = '\0';
    group[strcspn(group, "\n")] = '\0';
    if (version_2 ? *controllers : !has_item(controllers, controller)) continue;
    memcpy(ret_group, group, strlen(group) + 1);
    return true;
  }
  return false;
}

/* The group as a path below the mount's point; "" when the mount does not show it, as in a
 * container that has its group mounted but is told the host's name of it. */
static const char *below_mount(const char *group, const char *mounted) {
  size_t length = strcmp(mounted, "/") == 0 ? 0 : strlen(mounted);
  if (strncmp(group, mounted, length) != 0 || strstr(group, "/..")) return "";
  return group[length] == '/' && group[length + 1] ? group + length : "";
}

/* Reads the group and every one above it, up to the mount's point: each may be the tightest. */
static void climb(struct search *search, const struct mount *mount, const char *group,
                  void (*read)(struct search *search, const char *folder)) {
  char folder[PATH_MAX];
  int length =
      snprintf(folder, sizeof(folder), "%s%s", mount->point, below_mount(group, mount->root));
  if (length < 0 || (size_t)length >= sizeof(folder)) return;
  size_t top = strlen(mount->point);
  for (;;) {
    read(search, folder);
    char *slash = strrchr(folder, '/');
    if (!slash || slash < folder + top) return;
    *slash = '\0';
  }
}

static void look_into(struct search *search, const struct mount *mount) {
  static const struct {
    const char *controller;
    void (*read)(struct search *search, const char *folder);
  } WANTED[] = {{"cpu", read_cpu}, {"memory", read_memory}};
  for (size_t i = 0; i < sizeof(WANTED) / sizeof(WANTED[0]); i++) {
    char group[PATH_MAX];
    if (mount->options && !has_item(mount->options, WANTED[i].controller)) continue;
    if (find_group(search, WANTED[i].controller, !mount->options, group))
      climb(search, mount, group, WANTED[i].read);
  }
}

struct cgroup_limits cgroup_read_limits(const char *root) {
  struct search search = {.root = root};
  _cleanup_fclose_ FILE *stream = open_file(&search, "/proc/self", "mountinfo");
  _cleanup_free_ char *line = NULL;
  size_t size = 0;
  struct mount mount;
  while (stream && getline(&line, &size, stream) >= 0)
    if (parse_mount(line, &mount)) look_into(&search, &mount);
  return search.limits;
}

unsigned cgroup_usable_processors(const struct cgroup_limits *limits, unsigned processors) {
  uint64_t allowed = (limits->cpu_thousandths + 999) / 1000;
  if (limits->cpu_thousandths > 0 && allowed < processors) processors = (unsigned)allowed;
  return processors > 0 ? processors : 1;
}
