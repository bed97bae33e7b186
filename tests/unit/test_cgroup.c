/* test_cgroup.c: the limits of control groups, read from folders that look like a machine's. */
#include "unit.h"

#include "lib/base/cgroup.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT "/tmp/cruddur-cgroup-XXXXXX"

static char root[sizeof(ROOT)];

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
  (void)status, (void)type, (void)walk;
  return remove(path);
}

static int make_root(void **state) {
  memcpy(root, ROOT, sizeof(root));
  return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state) {
  return nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file below the root, and the folders that it is in. */
static void put(const char *path, const char *text) {
  char whole[512];
  snprintf(whole, sizeof(whole), "%s%s", root, path);
  for (char *slash = strchr(whole + sizeof(root), '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    assert_true(mkdir(whole, 0700) == 0 || errno == EEXIST);
    *slash = '/';
  }
  FILE *file = fopen(whole, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void assert_limits(uint64_t cpu_thousandths, uint64_t memory_bytes) {
  struct cgroup_limits limits = cgroup_read_limits(root);
  assert_int_equal(limits.cpu_thousandths, cpu_thousandths);
  assert_int_equal(limits.memory_bytes, memory_bytes);
}

#define OTHER_MOUNTS                                                                               \
  "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"                                        \
  "23 22 0:21 / /proc rw,nosuid - proc proc rw\n"
#define MOUNT_2(root) "31 22 0:26 " root " /sys/fs/cgroup ro,nosuid shared:9 - cgroup2 cgroup rw\n"

static void version_2(void **state) {
  put("/proc/self/mountinfo", OTHER_MOUNTS MOUNT_2("/"));
  put("/proc/self/cgroup", "0::/\n");
  put("/sys/fs/cgroup/cpu.max", "25000 100000\n");
  put("/sys/fs/cgroup/memory.max", "536870912\n");
  assert_limits(250, 536870912);
}

static void version_2_without_limits(void **state) {
  put("/proc/self/mountinfo", MOUNT_2("/"));
  put("/proc/self/cgroup", "0::/\n");
  assert_limits(0, 0); /* the machine's own root group has no such files */
  put("/sys/fs/cgroup/cpu.max", "max 100000\n");
  put("/sys/fs/cgroup/memory.max", "max\n");
  assert_limits(0, 0);
}

static void the_tightest_group_on_the_way_up_counts(void **state) {
  put("/proc/self/mountinfo", MOUNT_2("/"));
  put("/proc/self/cgroup", "0::/ecs/task/container\n");
  put("/sys/fs/cgroup/ecs/task/container/cpu.max", "max 100000\n");
  put("/sys/fs/cgroup/ecs/task/container/memory.max", "300000000\n");
  put("/sys/fs/cgroup/ecs/task/cpu.max", "150000 100000\n");
  put("/sys/fs/cgroup/ecs/task/memory.max", "400000000\n");
  put("/sys/fs/cgroup/ecs/cpu.max", "400000 100000\n");
  put("/sys/fs/cgroup/ecs/memory.max", "200000000\n");
  put("/sys/fs/cgroup/other/cpu.max", "1000 100000\n");
  assert_limits(1500, 200000000);
}

static void the_mount_may_show_a_group_alone(void **state) {
  put("/proc/self/mountinfo", MOUNT_2("/docker/abc"));
  put("/proc/self/cgroup", "0::/docker/abc/inner\n");
  put("/sys/fs/cgroup/cpu.max", "200000 100000\n");
  put("/sys/fs/cgroup/inner/cpu.max", "50000 100000\n");
  assert_limits(500, 0);
  put("/proc/self/cgroup", "0::/docker/abc\n");
  assert_limits(2000, 0);
  put("/proc/self/cgroup", "0::/docker/abcdef/inner\n"); /* another group: its name begins alike */
  assert_limits(2000, 0);
  put("/proc/self/cgroup", "0::/../../elsewhere\n"); /* outside of the namespace */
  assert_limits(2000, 0);
}

static void version_1(void **state) {
  put("/proc/self/mountinfo", OTHER_MOUNTS
      "33 32 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "34 32 0:30 /docker/abc /sys/fs/cgroup/memory rw master:3 - cgroup cgroup rw,memory\n"
      "35 32 0:31 /docker/abc /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n");
  put("/proc/self/cgroup", "9:name=systemd:/\n5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n"
                           "3:cpuset:/docker/abc\n0::/\n");
  put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  assert_limits(0, 0);
  put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "120000\n");
  put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n");
  put("/sys/fs/cgroup/cpuset/cpu.cfs_quota_us", "1\n"); /* no controller of processor time */
  put("/sys/fs/cgroup/cpuset/cpu.cfs_period_us", "100000\n");
  assert_limits(1200, 268435456);
}

static void version_1_and_2_side_by_side(void **state) {
  put("/proc/self/mountinfo",
      "32 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n");
  put("/proc/self/cgroup", "4:memory:/group/mine\n0::/unified-group\n");
  put("/sys/fs/cgroup/memory/group/memory.limit_in_bytes", "1000000\n");
  put("/sys/fs/cgroup/unified/unified-group/cpu.max", "300000 100000\n");
  assert_limits(3000, 1000000);
}

static void what_makes_no_sense_limits_nothing(void **state) {
  static const char *const MOUNTS[] = {"",
                                       "\n",
                                       "nonsense\n",
                                       "1 2 3 - cgroup2\n",
                                       "- cgroup2 a b\n",
                                       " - \n",
                                       "31 22 0:26 / /sys/fs/cgroup - cgroup2\n"};
  static const char *const CPUS[] = {"",
                                     "\n",
                                     "x y\n",
                                     "100000\n",
                                     "100000 0\n",
                                     "-5 100000\n",
                                     "99999999999999999999999 1\n",
                                     "max max\n"};
  assert_limits(0, 0); /* not a single file */
  put("/proc/self/cgroup", "0::/\n");
  put("/sys/fs/cgroup/cpu.max", "100000 100000\n");
  for (size_t i = 0; i < sizeof(MOUNTS) / sizeof(MOUNTS[0]); i++) {
    put("/proc/self/mountinfo", MOUNTS[i]);
    assert_limits(0, 0);
  }
  put("/proc/self/mountinfo", MOUNT_2("/"));
  for (size_t i = 0; i < sizeof(CPUS) / sizeof(CPUS[0]); i++) {
    put("/sys/fs/cgroup/cpu.max", CPUS[i]);
    assert_limits(0, 0);
  }
  put("/sys/fs/cgroup/cpu.max", "1 1000000\n"); /* next to nothing is not nothing */
  assert_limits(1, 0);
  put("/proc/self/cgroup", "without colons\n0:\n:\n0::\n");
  assert_limits(1, 0);
}

static void processors_within_the_limit(void **state) {
  static const struct {
    unsigned thousandths, processors, usable;
  } CASES[] = {{0, 8, 8},    {250, 8, 1},   {1000, 8, 1}, {1001, 8, 2},
               {1500, 1, 1}, {64000, 8, 8}, {0, 0, 1},    {1, 2, 1}};
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct cgroup_limits limits = {.cpu_thousandths = CASES[i].thousandths};
    assert_int_equal(cgroup_usable_processors(&limits, CASES[i].processors), CASES[i].usable);
  }
}

static void the_machine_s_own_can_be_read(void **state) {
  struct cgroup_limits limits = cgroup_read_limits("");
  assert_true(cgroup_usable_processors(&limits, 1) == 1);
}

#define test_on_files(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void) {
  const struct CMUnitTest tests[] = {
      test_on_files(version_2),
      test_on_files(version_2_without_limits),
      test_on_files(the_tightest_group_on_the_way_up_counts),
      test_on_files(the_mount_may_show_a_group_alone),
      test_on_files(version_1),
      test_on_files(version_1_and_2_side_by_side),
      test_on_files(what_makes_no_sense_limits_nothing),
      cmocka_unit_test(processors_within_the_limit),
      cmocka_unit_test(the_machine_s_own_can_be_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
