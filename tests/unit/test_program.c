/* test_program.c: programs that print credentials: their words, what they print, their end. */
#include "unit.h"

#include "lib/aws/credentials/process_words.h"
#include "lib/aws/credentials/program.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { AMPLE_MS = 60000 };

static void lines_are_split_as_by_shlex(void **state) {
  static const struct {
    const char *line, *words; /* joined by '|' */
  } CASES[] = {
      {"a", "a"},
      {"  a\t b \r\n", "a|b"},
      {"/bin/x --name 'two words' \"and three  more\"", "/bin/x|--name|two words|and three  more"},
      {"a'b'\"c\"d", "abcd"},
      {"'' \"\"", "|"},
      {"a\\ b \\\"c\\' \\\\", "a b|\"c'|\\"},
      {"\"a\\\"b\\\\c\\d\\ e\"", "a\"b\\c\\d\\ e"},
      {"'a\\b\\'", "a\\b\\"},
      {"a;b|c $HOME `x` # no", "a;b|c|$HOME|`x`|#|no"},
      {"'say \"hi\"' \"it's\"", "say \"hi\"|it's"},
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    char **words = NULL;
    struct error error = {0};
    if (!process_words_split(str_from(CASES[i].line), &words, &error))
      fail_msg("%s", error.message);
    struct buffer joined = BUFFER_EMPTY;
    for (size_t j = 0; words[j]; j++) {
      if (j > 0) buffer_append_char(&joined, '|');
      buffer_append_text(&joined, words[j]);
    }
    assert_buffer_equal(&joined, CASES[i].words);
    buffer_free(&joined);
    free(words);
  }
}

static void lines_that_make_no_sense_are_refused(void **state) {
  static const struct {
    struct str line;
    const char *message;
  } CASES[] = {
      {{"", 0}, "it is empty"},
      {{NULL, 0}, "it is empty"},
      {{" \t", 2}, "it is empty"},
      {{"a 'b", 4}, "a quote is not closed"},
      {{"a \"b\\\"", 6}, "a quote is not closed"},
      {{"\"b\\", 3}, "a quote is not closed"},
      {{"a\\", 2}, "nothing follows the last backslash"},
      {{"a\0b", 3}, "has a NUL"},
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    char **words;
    struct error error = {0};
    assert_false(process_words_split(CASES[i].line, &words, &error));
    assert_int_equal(error.kind, ERROR_INVALID);
    if (!strstr(error.message, CASES[i].message)) fail_msg("%s", error.message);
  }
}

static void lines_are_bounded(void **state) {
  static char line[PROCESS_WORDS_LINE_LIMIT + 1];
  char **words;
  struct error error = {0};
  memset(line, 'x', sizeof(line));
  assert_false(process_words_split((struct str){line, sizeof(line)}, &words, &error));
  assert_true(process_words_split((struct str){line, sizeof(line) - 1}, &words, &error));
  free(words);
  for (size_t i = 1; i < sizeof(line); i += 2)
    line[i] = ' ';
  assert_true(
      process_words_split((struct str){line, (size_t)2 * PROCESS_WORDS_LIMIT}, &words, &error));
  free(words);
  assert_false(
      process_words_split((struct str){line, (size_t)2 * PROCESS_WORDS_LIMIT + 1}, &words, &error));
  assert_non_null(strstr(error.message, "more than 256 words"));
}

/* What was told of a program. */
struct told {
  bool done, failed;
  struct buffer output;
  struct error error;
};

static void on_done(struct str output, const struct error *error, void *argument) {
  struct told *told = argument;
  assert_false(told->done);
  told->done = true;
  told->failed = error != NULL;
  if (error) told->error = *error;
  buffer_append_str(&told->output, output);
}

/* Runs the program to its end, or kills it at once. The output is the caller's. */
static bool run_words(char *const *words, uint64_t timeout_ms, bool cancel, struct buffer *output,
                      struct error *error) {
  struct told told = {0};
  struct loop *loop = loop_new(0);
  struct program *program = program_start(loop, words, timeout_ms, on_done, &told, error);
  assert_false(told.done);
  if (program && cancel) program_cancel(program);
  if (program) loop_run_until(loop, &told.done);
  loop_free(loop); /* waits until the process is gone */
  *output = told.output;
  if (told.failed && error) *error = told.error;
  return program && !told.failed;
}

/* Runs a line of sh. */
static bool run(const char *line, struct buffer *output, struct error *error) {
  char *words[] = {"sh", "-c", (char *)(uintptr_t)line, NULL};
  return run_words(words, AMPLE_MS, false, output, error);
}

static void expect_output(const char *line, const char *expected) {
  struct buffer output;
  struct error error = {0};
  if (!run(line, &output, &error)) fail_msg("%s", error.message);
  assert_buffer_equal(&output, expected);
  buffer_free(&output);
}

static void expect_error(const char *line, enum error_kind kind, const char *message) {
  struct buffer output;
  struct error error = {0};
  assert_false(run(line, &output, &error));
  buffer_free(&output);
  assert_string_equal(error.message, message);
  assert_int_equal(error.kind, kind);
}

static void what_it_prints_is_read(void **state) {
  expect_output("echo out; echo err >&2", "out\n");
  expect_output("exec >&-; exec 2>&-; true", "");
  expect_output("printf '%s' \"$0\"; cat", "sh"); /* there is nothing to read */
}

static void it_has_no_file_of_ours(void **state) {
  int fd = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
  char line[64];
  assert_true(fd > 2);
  snprintf(line, sizeof(line), "if [ -e /dev/fd/%d ]; then echo open; else echo shut; fi", fd);
  expect_output(line, "shut\n");
  close(fd);
}

static void it_has_its_signals(void **state) {
  signal(SIGPIPE, SIG_IGN);
  expect_error("kill -PIPE $$", ERROR_DENIED, "sh ended with signal 13");
}

static void its_complaint_is_quoted_but_its_first_line(void **state) {
  expect_error("exit 3", ERROR_DENIED, "sh ended with exit code 3");
  expect_error("echo 'no\tsuch user' >&2; echo more >&2; exit 1", ERROR_DENIED,
               "sh ended with exit code 1: no such user");
  expect_error("printf '\\377\\376' >&2; exit 1", ERROR_DENIED, "sh ended with exit code 1");
  expect_error("echo 'a secret'; exit 1", ERROR_DENIED, "sh ended with exit code 1");
  char expected[300] = "sh ended with exit code 1: ";
  memset(expected + 27, 'x', 200);
  expect_error("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1", ERROR_DENIED, expected);
  for (int i = 0; i < 199; i += 2)
    memcpy(expected + 27 + i, "\xc3\xa4", 2);
  memmove(expected + 28, expected + 27, 199); /* a character that the bound cuts goes away */
  expected[27] = '.';
  expected[27 + 199] = '\0';
  expect_error("printf . >&2; for i in 1 2 3 4 5 6 7 8 9 0; do printf "
               "'\\303\\244\\303\\244\\303\\244\\303\\244\\303\\244\\303\\244\\303\\244\\303\\244"
               "\\303\\244\\303\\244\\303\\244\\303\\244' >&2; done; exit 1",
               ERROR_DENIED, expected);
}

static void what_cannot_be_run_is_told(void **state) {
  char *words[] = {"/nonexistent/program", NULL};
  struct buffer output;
  struct error error = {0};
  assert_false(run_words(words, AMPLE_MS, false, &output, &error));
  assert_string_equal(error.message,
                      "/nonexistent/program cannot be run: No such file or directory");
  assert_int_equal(error.kind, ERROR_DENIED);
  buffer_free(&output);
}

static void printing_without_end_is_ended(void **state) {
  expect_error("yes", ERROR_MEMORY, "sh printed more than 65536 bytes");
  struct buffer output;
  assert_true(run("head -c 65536 /dev/zero", &output, NULL));
  assert_int_equal(output.length, PROGRAM_OUTPUT_LIMIT);
  buffer_free(&output);
}

/* The program writes its process id and stays; the end of the call must be its end too. */
static void expect_killed(uint64_t timeout_ms, bool cancel, const char *message) {
  char *words[] = {"sh", "-c", "echo $$; exec sleep 1000", NULL};
  struct buffer output;
  struct error error = {0};
  assert_false(run_words(words, timeout_ms, cancel, &output, &error));
  assert_string_equal(error.message, message);
  assert_int_equal(error.kind, ERROR_UNAVAILABLE);
  pid_t pid = (pid_t)strtol(buffer_text(&output), NULL, 10);
  if (pid > 0) assert_int_not_equal(kill(pid, 0), 0);
  buffer_free(&output);
}

static void it_is_killed_when_its_time_is_over(void **state) {
  expect_killed(50, false, "sh did not end in time and was killed");
}

static void it_is_killed_when_the_program_ends(void **state) {
  expect_killed(UINT32_MAX, true, "sh was killed: the program ends");
}

static void what_it_leaves_running_is_not_waited_for(void **state) {
  char *words[] = {"sh", "-c", "sleep 1000 & echo $!", NULL};
  struct buffer output;
  struct error error = {0};
  if (!run_words(words, UINT32_MAX, false, &output, &error)) fail_msg("%s", error.message);
  assert_int_equal(kill((pid_t)strtol(buffer_text(&output), NULL, 10), SIGKILL), 0);
  buffer_free(&output);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_are_split_as_by_shlex),
      cmocka_unit_test(lines_that_make_no_sense_are_refused),
      cmocka_unit_test(lines_are_bounded),
      cmocka_unit_test(what_it_prints_is_read),
      cmocka_unit_test(it_has_no_file_of_ours),
      cmocka_unit_test(it_has_its_signals),
      cmocka_unit_test(its_complaint_is_quoted_but_its_first_line),
      cmocka_unit_test(what_cannot_be_run_is_told),
      cmocka_unit_test(printing_without_end_is_ended),
      cmocka_unit_test(it_is_killed_when_its_time_is_over),
      cmocka_unit_test(it_is_killed_when_the_program_ends),
      cmocka_unit_test(what_it_leaves_running_is_not_waited_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
