/* test_log.c: the log: what a line looks like, and that nobody ever waits for its reader.
 *
 * The log is one of the process and starts once, so each case runs in a child whose stdout is a
 * pipe or a terminal, and reads what came out. */
#include "unit.h"

#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

static void read_to_end(int fd, struct buffer *ret_output) {
  char part[65536];
  for (;;) {
    ssize_t length = read(fd, part, sizeof(part));
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return; /* a terminal's other end says EIO when it closes */
    buffer_append(ret_output, part, (size_t)length);
  }
}

static void assert_exited_cleanly(pid_t child) {
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

/* Runs `work` in a child that writes to `ends[1]`, and collects what comes out of `ends[0]`. */
static void collect(int ends[2], void (*work)(void), struct buffer *ret_output) {
  fflush(stdout);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    work();
    log_stop(PATIENCE_MS);
    _exit(0);
  }
  close(ends[1]);
  read_to_end(ends[0], ret_output);
  close(ends[0]);
  assert_exited_cleanly(child);
}

static void collect_from_pipe(void (*work)(void), struct buffer *ret_output) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  collect(ends, work, ret_output);
}

/* What follows the time, which differs from run to run. */
static const char *behind_the_time(struct buffer *output) {
  const char *text = buffer_text(output);
  assert_memory_equal(text, "{\"time\":\"2", 10);
  const char *rest = strstr(text, "+00:00\",");
  assert_non_null(rest);
  return rest + strlen("+00:00\",");
}

static void log_every_kind_of_field(void) {
  log_start(LOG_LEVEL_INFO);
  log_event(LOG_LEVEL_INFO, "request", log_text("route", "/api/\"home\""), log_int("status", -200),
            log_ms("duration_ms", 12345), log_str("sub", STR("abc")), log_text("none", NULL),
            LOG_END);
}

static void a_line_is_one_json_object(void **state) {
  struct buffer output = BUFFER_EMPTY;
  collect_from_pipe(log_every_kind_of_field, &output);
  assert_string_equal(
      behind_the_time(&output),
      "\"level\":\"info\",\"message\":\"request\",\"route\":\"/api/\\\"home\\\"\",\"status\":-200,"
      "\"duration_ms\":12.345,\"sub\":\"abc\",\"none\":\"\"}\n");
  buffer_free(&output);
}

static void log_durations(void) {
  log_start(LOG_LEVEL_INFO);
  log_event(LOG_LEVEL_INFO, "m", log_ms("a", 0), log_ms("b", 7), log_ms("c", 1070), LOG_END);
}

static void durations_have_three_decimals(void **state) {
  struct buffer output = BUFFER_EMPTY;
  collect_from_pipe(log_durations, &output);
  assert_non_null(strstr(buffer_text(&output), "\"a\":0.000,\"b\":0.007,\"c\":1.070}"));
  buffer_free(&output);
}

static void log_hostile_text(void) {
  log_start(LOG_LEVEL_INFO);
  log_event(LOG_LEVEL_INFO, "bad", log_text("path", "a\nb\xFF\xC3"), LOG_END);
}

static void hostile_text_stays_on_its_line(void **state) {
  struct buffer output = BUFFER_EMPTY;
  collect_from_pipe(log_hostile_text, &output);
  assert_string_equal(behind_the_time(&output),
                      "\"level\":\"info\",\"message\":\"bad\",\"path\":\"a\\nb\uFFFD\uFFFD\"}\n");
  buffer_free(&output);
}

static void log_at_each_level(void) {
  log_start(LOG_LEVEL_WARNING);
  log_event(LOG_LEVEL_DEBUG, "debug", LOG_END);
  log_event(LOG_LEVEL_INFO, "info", LOG_END);
  log_event(LOG_LEVEL_WARNING, "warning", LOG_END);
  log_event(LOG_LEVEL_ERROR, "error", LOG_END);
}

static void lower_levels_are_left_out(void **state) {
  struct buffer output = BUFFER_EMPTY;
  collect_from_pipe(log_at_each_level, &output);
  const char *text = buffer_text(&output);
  assert_null(strstr(text, "\"debug\""));
  assert_null(strstr(text, "\"info\""));
  assert_non_null(strstr(text, "\"level\":\"warning\",\"message\":\"warning\"}"));
  assert_non_null(strstr(text, "\"level\":\"error\",\"message\":\"error\"}"));
  buffer_free(&output);
}

static void log_before_the_start(void) {
  log_event(LOG_LEVEL_INFO, "early", LOG_END);
  log_start(LOG_LEVEL_INFO);
  log_event(LOG_LEVEL_INFO, "late", LOG_END);
}

static void what_was_logged_before_the_start_goes_out(void **state) {
  struct buffer output = BUFFER_EMPTY;
  collect_from_pipe(log_before_the_start, &output);
  const char *early = strstr(buffer_text(&output), "\"early\"");
  assert_non_null(early);
  assert_non_null(strstr(early, "\"late\""));
  buffer_free(&output);
}

enum { THREADS = 4, LINES_A_THREAD = 2000 };

static void *log_many(void *argument) {
  for (int i = 0; i < LINES_A_THREAD; i++)
    log_event(LOG_LEVEL_INFO, "line", log_int("thread", *(int *)argument), LOG_END);
  return NULL;
}

static void log_from_threads(void) {
  log_start(LOG_LEVEL_INFO);
  pthread_t threads[THREADS];
  int numbers[THREADS];
  for (int i = 0; i < THREADS; i++) {
    numbers[i] = i;
    pthread_create(&threads[i], NULL, log_many, &numbers[i]);
  }
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
}

static void lines_of_threads_stay_whole(void **state) {
  struct buffer output = BUFFER_EMPTY;
  collect_from_pipe(log_from_threads, &output);
  struct str rest = buffer_str(&output), line;
  int lines = 0;
  while (str_next(&rest, '\n', &line) && line.length > 0) {
    assert_true(str_starts_with(line, STR("{\"time\":")));
    assert_int_equal(line.data[line.length - 1], '}');
    lines++;
  }
  assert_int_equal(lines, THREADS * LINES_A_THREAD);
  buffer_free(&output);
}

/* More than the queue and what its writer took before hold; the pipe's other end reads nothing
 * meanwhile. */
static void log_more_than_fits(void) {
  log_start(LOG_LEVEL_INFO);
  char text[1001];
  memset(text, 'x', sizeof(text) - 1);
  text[sizeof(text) - 1] = '\0';
  for (int i = 0; i < 9000; i++)
    log_event(LOG_LEVEL_INFO, text, LOG_END);
}

static void a_stuck_reader_stops_nobody(void **state) {
  int log_ends[2], done_ends[2];
  assert_int_equal(pipe(log_ends), 0);
  assert_int_equal(pipe(done_ends), 0);
  fflush(stdout);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    dup2(log_ends[1], STDOUT_FILENO);
    log_more_than_fits();
    log_stop(1); /* gives up on the reader */
    if (write(done_ends[1], "!", 1) != 1) _exit(1);
    _exit(0);
  }
  close(log_ends[1]);
  close(done_ends[1]);
  char done = 0;
  assert_int_equal(read(done_ends[0], &done, 1), 1); /* it got here without a reader */
  assert_exited_cleanly(child);
  close(log_ends[0]);
  close(done_ends[0]);
}

static int resume_reading[2];

static void overflow_then_log_once_more(void) {
  log_more_than_fits();
  if (write(resume_reading[1], "!", 1) != 1) _exit(1);
  /* The writer empties the queue as soon as somebody reads; until then lines find it full. */
  for (int i = 0; i < 2000; i++) {
    usleep(1000);
    log_event(LOG_LEVEL_INFO, "after", LOG_END);
  }
}

static void dropped_lines_are_counted(void **state) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(pipe(resume_reading), 0);
  fflush(stdout);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    overflow_then_log_once_more();
    log_stop(PATIENCE_MS);
    _exit(0);
  }
  close(ends[1]);
  char ready;
  assert_int_equal(read(resume_reading[0], &ready, 1), 1);
  struct buffer output = BUFFER_EMPTY;
  read_to_end(ends[0], &output);
  assert_exited_cleanly(child);
  const char *dropped =
      strstr(buffer_text(&output), "\"message\":\"log lines dropped\",\"count\":");
  assert_non_null(dropped);
  assert_non_null(strstr(dropped, "\"message\":\"after\"}"));
  buffer_free(&output);
  close(ends[0]);
  close(resume_reading[0]);
  close(resume_reading[1]);
}

/* --- A stdout that is non-blocking, or refuses --- */

/* More than a pipe holds, while nobody reads; then until the reader has come. */
static void log_into_a_full_pipe(void) {
  log_start(LOG_LEVEL_INFO);
  char text[1001];
  memset(text, 'x', sizeof(text) - 1);
  text[sizeof(text) - 1] = '\0';
  for (int i = 0; i < 2000; i++)
    log_event(LOG_LEVEL_INFO, text, LOG_END);
  if (write(resume_reading[1], "!", 1) != 1) _exit(1);
}

static void assert_whole_lines(const struct buffer *output, int wanted) {
  struct str rest = buffer_str(output), line;
  int lines = 0;
  while (str_next(&rest, '\n', &line) && line.length > 0) {
    assert_true(str_starts_with(line, STR("{\"time\":")));
    assert_int_equal(line.data[line.length - 1], '}');
    lines++;
  }
  assert_int_equal(lines, wanted);
}

static void a_non_blocking_pipe_loses_nothing(void **state) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(pipe(resume_reading), 0);
  assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
  fflush(stdout);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    log_into_a_full_pipe();
    log_stop(PATIENCE_MS);
    _exit(log_dropped() == 0 ? 0 : 1);
  }
  close(ends[1]);
  char ready;
  assert_int_equal(read(resume_reading[0], &ready, 1), 1);
  struct buffer output = BUFFER_EMPTY;
  read_to_end(ends[0], &output);
  assert_exited_cleanly(child);
  assert_whole_lines(&output, 2000);
  buffer_free(&output);
  close(ends[0]);
  close(resume_reading[0]);
  close(resume_reading[1]);
}

/* A file that may not grow further refuses in the middle of a line, and takes more later. */
static void log_into_a_file_with_an_end(void) {
  struct rlimit limit = {.rlim_cur = 1000, .rlim_max = RLIM_INFINITY};
  signal(SIGXFSZ, SIG_IGN);
  log_start(LOG_LEVEL_INFO);
  setrlimit(RLIMIT_FSIZE, &limit);
  for (int i = 0; i < 100; i++)
    log_event(LOG_LEVEL_INFO, "before", LOG_END);
  while (log_dropped() == 0)
    usleep(1000);
  limit.rlim_cur = RLIM_INFINITY;
  setrlimit(RLIMIT_FSIZE, &limit);
  log_event(LOG_LEVEL_INFO, "after", LOG_END);
  log_stop(PATIENCE_MS);
}

static void lines_that_are_refused_are_counted(void **state) {
  char path[] = "/tmp/test_log_XXXXXX", text[65536] = "";
  int file = mkstemp(path);
  assert_true(file >= 0);
  unlink(path);
  fflush(stdout);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    dup2(file, STDOUT_FILENO);
    log_into_a_file_with_an_end();
    _exit(0);
  }
  assert_exited_cleanly(child);
  assert_true(pread(file, text, sizeof(text) - 1, 0) > 1000);
  close(file);
  const char *dropped = strstr(text + 1000, "\n{\"time\":"); /* the line cut off ends there */
  assert_non_null(dropped);
  assert_ptr_equal(dropped, text + 1000);
  assert_non_null(strstr(dropped, "\"message\":\"log lines dropped\",\"count\":"));
  assert_non_null(strstr(dropped, "\"message\":\"after\"}\n"));
}

static void log_for_people(void) {
  unsetenv("NO_COLOR");
  log_start(LOG_LEVEL_INFO);
  log_event(LOG_LEVEL_WARNING, "slow", log_int("ms", 7), LOG_END);
}

static void log_for_people_without_colour(void) {
  setenv("NO_COLOR", "1", 1);
  log_start(LOG_LEVEL_INFO);
  log_event(LOG_LEVEL_WARNING, "slow", log_int("ms", 7), LOG_END);
}

static void collect_from_terminal(void (*work)(void), struct buffer *ret_output) {
  int ends[2];
  assert_int_equal(openpty(&ends[0], &ends[1], NULL, NULL, NULL), 0);
  collect(ends, work, ret_output);
}

static void a_terminal_gets_lines_for_people(void **state) {
  struct buffer output = BUFFER_EMPTY;
  collect_from_terminal(log_for_people, &output);
  assert_string_equal(buffer_text(&output) + strlen("12:00:00.000"),
                      " \033[33mwarning: slow\033[0m  ms=7\r\n");
  buffer_free(&output);
  collect_from_terminal(log_for_people_without_colour, &output);
  assert_string_equal(buffer_text(&output) + strlen("12:00:00.000"), " warning: slow  ms=7\r\n");
  buffer_free(&output);
}

static void levels_have_names(void **state) {
  static const char *const NAMES[] = {"debug", "INFO", "Warning", "error"};
  enum log_level level = LOG_LEVEL_DEBUG;
  for (unsigned i = 0; i < 4; i++) {
    assert_true(log_level_parse(str_from(NAMES[i]), &level));
    assert_int_equal(level, i);
  }
  assert_false(log_level_parse(STR("loud"), &level));
  assert_false(log_level_parse(STR(""), &level));
  assert_int_equal(level, LOG_LEVEL_ERROR);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_line_is_one_json_object),
      cmocka_unit_test(durations_have_three_decimals),
      cmocka_unit_test(hostile_text_stays_on_its_line),
      cmocka_unit_test(lower_levels_are_left_out),
      cmocka_unit_test(what_was_logged_before_the_start_goes_out),
      cmocka_unit_test(lines_of_threads_stay_whole),
      cmocka_unit_test(a_stuck_reader_stops_nobody),
      cmocka_unit_test(dropped_lines_are_counted),
      cmocka_unit_test(a_non_blocking_pipe_loses_nothing),
      cmocka_unit_test(lines_that_are_refused_are_counted),
      cmocka_unit_test(a_terminal_gets_lines_for_people),
      cmocka_unit_test(levels_have_names),
  };
  return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
