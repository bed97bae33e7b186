/* test_crash.c: what a process leaves that a signal kills, and the next start finds. */
#include "unit.h"

#include "lib/telemetry/crash.h"

#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_SIZE = 8192, REPORT_LIMIT = 16 * 1024 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CATCHES = 0 }; /* sanitizers have handlers of their own */
#else
enum { CATCHES = 1 };
#endif

static char folder[32], path[64];

static int set_up(void **state) {
  snprintf(folder, sizeof(folder), "/tmp/test_crash_XXXXXX");
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof(path), "%s/report", folder);
  return 0;
}

static int tear_down(void **state) {
  unlink(path);
  return rmdir(folder);
}

static void write_file(const char *text, size_t length) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, length, file), length);
  fclose(file);
}

static bool exists(void) {
  struct stat status;
  return lstat(path, &status) == 0;
}

/* --- The report --- */

static void assert_no_report(void) {
  struct buffer report = BUFFER_EMPTY;
  assert_false(crash_take_report(path, &report));
  assert_int_equal(report.length, 0);
  buffer_free(&report);
}

static void a_report_is_taken_once(void **state) {
  struct buffer report = BUFFER_EMPTY;
  write_file("{}\n", 3);
  assert_true(crash_take_report(path, &report));
  assert_buffer_equal(&report, "{}\n");
  assert_false(exists());
  assert_no_report();
  buffer_free(&report);
}

static void what_is_not_ours_is_no_report(void **state) {
  char *large = calloc(1, REPORT_LIMIT + 1);
  write_file(large, REPORT_LIMIT + 1);
  assert_no_report();
  assert_true(exists());
  free(large);
  unlink(path);
  assert_int_equal(symlink("/etc/passwd", path), 0);
  assert_no_report();
  assert_true(exists());
  unlink(path);
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_no_report();
  assert_true(exists());
  unlink(path);
  assert_int_equal(mkdir(path, 0700), 0);
  assert_no_report();
  assert_int_equal(rmdir(path), 0);
}

static void an_empty_file_is_removed_and_is_no_report(void **state) {
  write_file("", 0);
  assert_no_report();
  assert_false(exists());
}

/* --- The crash --- */

/* Runs a child that ends by `number` when it calls `crash`, and reads what it writes to stdout. */
static void crash_in(void (*crash)(int number), int number, const char *report_path,
                     char line[LINE_SIZE]) {
  int fds[2], status;
  size_t length = 0;
  ssize_t count;
  assert_int_equal(pipe(fds), 0);
  pid_t child = fork();
  if (child == 0) {
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(fds[1], STDOUT_FILENO);
    crash_catch(report_path);
    crash(number);
    _exit(0);
  }
  close(fds[1]);
  while ((count = read(fds[0], line + length, LINE_SIZE - 1 - length)) > 0)
    length += (size_t)count;
  line[length] = '\0';
  close(fds[0]);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), number);
}

static void raise_it(int number) {
  raise(number);
}

static void crash_by(int number, const char *report_path, char line[LINE_SIZE]) {
  crash_in(raise_it, number, report_path, line);
}

static void assert_line(const char *line, const char *signal_name) {
  json_t *event = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
  assert_non_null(event);
  assert_string_equal(json_string_value(json_object_get(event, "message")), "crashed");
  assert_string_equal(json_string_value(json_object_get(event, "level")), "error");
  assert_string_equal(json_string_value(json_object_get(event, "signal")), signal_name);
  assert_string_equal(json_string_value(json_object_get(event, "version")), CRUDDUR_VERSION);
  assert_true(json_array_size(json_object_get(event, "backtrace")) > 1);
  assert_true(json_integer_value(json_object_get(event, "unix_time")) > 1600000000);
  json_decref(event);
}

static void each_signal_leaves_a_line_and_a_report(void **state) {
  static const struct {
    int number;
    const char *name;
  } SIGNALS[] = {{SIGSEGV, "SIGSEGV"},
                 {SIGBUS, "SIGBUS"},
                 {SIGFPE, "SIGFPE"},
                 {SIGILL, "SIGILL"},
                 {SIGABRT, "SIGABRT"}};
  if (!CATCHES) skip();
  for (size_t i = 0; i < sizeof(SIGNALS) / sizeof(SIGNALS[0]); i++) {
    char line[LINE_SIZE];
    struct buffer report = BUFFER_EMPTY;
    crash_by(SIGNALS[i].number, path, line);
    assert_line(line, SIGNALS[i].name);
    assert_true(crash_take_report(path, &report));
    assert_buffer_equal(&report, line);
    buffer_free(&report);
  }
}

static void a_report_that_nobody_took_stays(void **state) {
  char line[LINE_SIZE];
  struct buffer report = BUFFER_EMPTY;
  if (!CATCHES) skip();
  write_file("the first", 9);
  crash_by(SIGSEGV, path, line);
  assert_line(line, "SIGSEGV");
  assert_true(crash_take_report(path, &report));
  assert_buffer_equal(&report, "the first");
  buffer_free(&report);
}

static volatile bool goes_deeper = true;

static int overflow(volatile const char *above) {
  volatile char frame[4096];
  frame[0] = above ? above[0] : 'x';
  return goes_deeper ? overflow(frame) + frame[0] : 0;
}

static void overflow_here(int number) {
  overflow(NULL);
}

static void *overflow_in_thread(void *argument) {
  crash_enter_thread();
  overflow(NULL);
  return NULL;
}

static void overflow_elsewhere(int number) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, overflow_in_thread, NULL) == 0) pthread_join(thread, NULL);
}

static void an_overflow_leaves_a_report_too(void **state) {
  void (*const crashes[])(int number) = {overflow_here, overflow_elsewhere};
  if (!CATCHES) skip();
  for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++) {
    char line[LINE_SIZE];
    struct buffer report = BUFFER_EMPTY;
    crash_in(crashes[i], SIGSEGV, path, line);
    assert_line(line, "SIGSEGV");
    assert_true(crash_take_report(path, &report));
    assert_buffer_equal(&report, line);
    buffer_free(&report);
  }
}

static void there_may_be_no_file(void **state) {
  char line[LINE_SIZE];
  if (!CATCHES) skip();
  crash_by(SIGABRT, NULL, line);
  assert_line(line, "SIGABRT");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_report_is_taken_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_is_not_ours_is_no_report, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_empty_file_is_removed_and_is_no_report, set_up, tear_down),
      cmocka_unit_test_setup_teardown(each_signal_leaves_a_line_and_a_report, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_report_that_nobody_took_stays, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_overflow_leaves_a_report_too, set_up, tear_down),
      cmocka_unit_test_setup_teardown(there_may_be_no_file, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
