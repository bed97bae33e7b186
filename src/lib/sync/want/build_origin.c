/* build_origin.c: where a build comes from. */
#include "lib/sync/want/build_origin.h"

#include "lib/base/buffer.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GIT_TIMEOUT_MS = 3000, OUTPUT_LIMIT = 4096, TEXT_LENGTH_LIMIT = 200 };

/* Reads until the end, the limit or the deadline. */
static void read_output(int fd, struct buffer *output) {
  uint64_t end_us = clock_monotonic_us() + (uint64_t)GIT_TIMEOUT_MS * 1000;
  char part[512];
  for (;;) {
    uint64_t now_us = clock_monotonic_us();
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (now_us >= end_us || output->length > OUTPUT_LIMIT) return;
    if (poll(&ready, 1, (int)((end_us - now_us) / 1000) + 1) <= 0) continue;
    ssize_t count = read(fd, part, sizeof(part));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    buffer_append(output, part, (size_t)count);
  }
}

static bool spawn_git(const char *folder, int output, pid_t *ret_process) {
  char *words[] = {"git", "-C",         (char *)(uintptr_t)folder, "log",
                   "-1",  "--no-color", "--no-show-signature",     "--format=%h%n%an%n%s",
                   NULL};
  posix_spawn_file_actions_t actions;
  if (posix_spawn_file_actions_init(&actions) != 0) return false;
  bool started = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
                 posix_spawn_file_actions_adddup2(&actions, output, 1) == 0 &&
                 posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) == 0 &&
                 posix_spawnp(ret_process, words[0], &actions, NULL, words, environ) == 0;
  posix_spawn_file_actions_destroy(&actions);
  return started;
}

/* Three lines: commit, author, subject. False when git does not tell them. */
static bool ask_git(const char *folder, struct buffer *output) {
  int ends[2], status = 0;
  pid_t process;
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  bool started = spawn_git(folder, ends[1], &process);
  close(ends[1]);
  if (started) read_output(ends[0], output);
  close(ends[0]);
  if (!started) return false;
  kill(process, SIGKILL); /* it has ended, or takes too long */
  while (waitpid(process, &status, 0) < 0 && errno == EINTR)
    continue;
  return !output->failed && output->length > 0;
}

/* Cut to a length that fits a list, between two characters. */
static const char *keep(struct arena *arena, struct str text) {
  text = str_trim(text);
  if (text.length > TEXT_LENGTH_LIMIT) text.length = TEXT_LENGTH_LIMIT;
  while (text.length > 0 && !utf8_valid(text))
    text.length--;
  return arena_copy(arena, text);
}

struct build_origin build_origin_find(const char *folder, const char *message,
                                      struct arena *arena) {
  static const char *const NAMES[] = {"GITHUB_ACTOR", "USER", "LOGNAME"};
  _cleanup_(buffer_free) struct buffer output = BUFFER_EMPTY;
  struct build_origin origin = BUILD_ORIGIN_EMPTY;
  assert(folder && arena);
  if (ask_git(folder, &output)) {
    struct str rest = buffer_str(&output), commit = {"", 0}, author = {"", 0}, subject = {"", 0};
    bool told = str_next(&rest, '\n', &commit) && str_next(&rest, '\n', &author);
    if (told && !str_next(&rest, '\n', &subject)) subject = (struct str){"", 0};
    if (told)
      origin =
          (struct build_origin){keep(arena, commit), keep(arena, author), keep(arena, subject)};
  }
  for (size_t i = 0; !*origin.author && i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
    if (getenv(NAMES[i])) origin.author = keep(arena, str_from(getenv(NAMES[i])));
  if (message) origin.message = keep(arena, str_from(message));
  return origin;
}
