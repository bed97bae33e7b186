/* command.c: see command.h. */
#include "lib/aws/command.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

enum { COMPLAINT_LIMIT = 200, COMPLAINT_KEPT = 1024, CHUNK_SIZE = 4096 };

/* Words. */

static bool is_blank(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Where a line is being read, and where its words are written. */
struct splitter {
  struct str rest;
  char *place;
};

static char take(struct splitter *splitter) {
  splitter->rest.length--;
  return *splitter->rest.data++;
}

/* What stands between quotes; the first one was taken. */
static bool copy_quoted(struct splitter *splitter, char quote, struct error *error) {
  while (splitter->rest.length > 0) {
    char byte = take(splitter);
    if (byte == quote) return true;
    bool escapes = byte == '\\' && quote == '"' && splitter->rest.length > 0 &&
                   strchr("\"\\", *splitter->rest.data);
    *splitter->place++ = escapes ? take(splitter) : byte;
  }
  return error_set(error, ERROR_INVALID, "a quote is not closed");
}

/* One word, whose first byte is no blank. */
static bool copy_word(struct splitter *splitter, struct error *error) {
  while (splitter->rest.length > 0 && !is_blank(*splitter->rest.data)) {
    char byte = take(splitter);
    if (byte == '\'' || byte == '"') {
      if (!copy_quoted(splitter, byte, error)) return false;
    } else if (byte == '\\' && splitter->rest.length == 0) {
      return error_set(error, ERROR_INVALID, "nothing follows the last backslash");
    } else {
      *splitter->place++ = byte == '\\' ? take(splitter) : byte;
    }
  }
  *splitter->place++ = '\0';
  return true;
}

static bool copy_words(struct splitter *splitter, char **words, struct error *error) {
  size_t count = 0;
  for (;;) {
    while (splitter->rest.length > 0 && is_blank(*splitter->rest.data))
      take(splitter);
    if (splitter->rest.length == 0) break;
    if (count == COMMAND_WORDS_LIMIT)
      return error_set(error, ERROR_INVALID, "it has more than %d words", COMMAND_WORDS_LIMIT);
    words[count++] = splitter->place;
    if (!copy_word(splitter, error)) return false;
  }
  words[count] = NULL;
  return count > 0 || error_set(error, ERROR_INVALID, "it is empty");
}

bool command_split(struct str line, char ***ret_words, struct error *error) {
  if (line.length > COMMAND_LINE_LIMIT || (line.length > 0 && memchr(line.data, '\0', line.length)))
    return error_set(error, ERROR_INVALID, "it is too long, or has a NUL in it");
  /* A word is no longer than what it was, and the byte after it pays for its NUL. */
  size_t pointers = (COMMAND_WORDS_LIMIT + 1) * sizeof(char *);
  char **words = malloc(pointers + line.length + 1);
  if (!words) return error_set(error, ERROR_MEMORY, "out of memory");
  struct splitter splitter = {line, (char *)words + pointers};
  if (!copy_words(&splitter, words, error)) {
    free(words);
    return false;
  }
  *ret_words = words;
  return true;
}

/* Running. */

struct command {
  const char *name; /* for people */
  pid_t pid;
  int exit_fd; /* readable when it has ended */
  int output_fd, complaint_fd;
  uint64_t due_us;
  int cancel_fd;
  struct buffer *output;
  char complaint[COMPLAINT_KEPT]; /* how its standard error begins */
  size_t complaint_length;
};

static void set_attributes(posix_spawnattr_t *attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_init(attributes);
  posix_spawnattr_setsigmask(attributes, &none);
  posix_spawnattr_setsigdefault(attributes, &all);
  posix_spawnattr_setpgroup(attributes, 0);
  posix_spawnattr_setflags(
      attributes, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP));
}

static int spawn(char *const *words, int output, int complaint, pid_t *ret_pid) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  int code = posix_spawn_file_actions_init(&files);
  if (code != 0) return code;
  set_attributes(&attributes);
  code = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (code == 0) code = posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  if (code == 0) code = posix_spawn_file_actions_adddup2(&files, complaint, STDERR_FILENO);
  if (code == 0) code = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
  if (code == 0) code = posix_spawnp(ret_pid, words[0], &files, &attributes, words, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return code;
}

/* A pipe whose two ends are above those that the program gets; only the reading one never waits. */
static bool make_pipe(int ends[2]) {
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  for (int i = 0; i < 2; i++) {
    int moved = ends[i] > STDERR_FILENO ? ends[i] : fcntl(ends[i], F_DUPFD_CLOEXEC, 3);
    if (moved < 0) return false;
    if (moved != ends[i]) close(ends[i]);
    ends[i] = moved;
  }
  return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;
}

/* Ends it if it still runs, and lets go of everything; -1 where nobody knows how it ended. */
static int command_end(struct command *command, bool kill_it) {
  int status = -1;
  if (command->pid > 0) {
    if (kill_it) kill(-command->pid, SIGKILL);
    if (kill_it) kill(command->pid, SIGKILL); /* it may have left its group */
    while (waitpid(command->pid, &status, 0) < 0 && errno == EINTR)
      continue;
  }
  cleanup_close(&command->exit_fd);
  cleanup_close(&command->output_fd);
  cleanup_close(&command->complaint_fd);
  return status;
}

static bool command_start(struct command *command, char *const *words, struct error *error) {
  int output[2] = {-1, -1}, complaint[2] = {-1, -1};
  int code = make_pipe(output) && make_pipe(complaint) ? 0 : errno;
  if (code == 0) code = spawn(words, output[1], complaint[1], &command->pid);
  cleanup_close(&output[1]);
  cleanup_close(&complaint[1]);
  command->output_fd = output[0];
  command->complaint_fd = complaint[0];
  if (code != 0) command->pid = 0;
  if (code == 0) command->exit_fd = pidfd_open(command->pid, 0);
  if (code == 0 && command->exit_fd < 0) code = errno;
  if (code == 0) return true;
  command_end(command, true);
  return error_set(error, ERROR_DENIED, "%.200s cannot be run: %s", words[0], strerror(code));
}

/* Takes what is there; false when nothing more will come. */
static bool read_some(int fd, char chunk[CHUNK_SIZE], size_t *ret_length) {
  ssize_t count = read(fd, chunk, CHUNK_SIZE);
  *ret_length = count > 0 ? (size_t)count : 0;
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

static void keep_complaint(struct command *command, const char *chunk, size_t length) {
  size_t room = sizeof(command->complaint) - command->complaint_length;
  if (length > room) length = room;
  memcpy(command->complaint + command->complaint_length, chunk, length);
  command->complaint_length += length;
}

/* Reads both pipes until they are empty for now; closes one that has ended. */
static bool drain(struct command *command, struct error *error) {
  char chunk[CHUNK_SIZE];
  int *const pipes[] = {&command->output_fd, &command->complaint_fd};
  bool fits = true;
  for (size_t i = 0; i < 2; i++) {
    size_t length = 0;
    do {
      if (*pipes[i] < 0) break;
      if (!read_some(*pipes[i], chunk, &length)) {
        cleanup_close(pipes[i]);
        *pipes[i] = -1;
      } else if (i == 1) {
        keep_complaint(command, chunk, length);
      } else {
        buffer_append(command->output, chunk, length);
      }
      fits = command->output->length <= COMMAND_OUTPUT_LIMIT && !command->output->failed;
    } while (length > 0 && fits && clock_monotonic_us() < command->due_us);
  }
  explicit_bzero(chunk, sizeof(chunk));
  return fits || error_set(error, ERROR_MEMORY, "%.200s printed more than %d bytes", command->name,
                           COMMAND_OUTPUT_LIMIT);
}

/* Until it has ended. What it left running may hold the pipes on: nobody waits for that. */
static bool command_wait(struct command *command, struct error *error) {
  for (;;) {
    uint64_t now_us = clock_monotonic_us();
    if (now_us >= command->due_us)
      return error_set(error, ERROR_UNAVAILABLE, "%.200s did not end in time and was killed",
                       command->name);
    struct pollfd fds[] = {{.fd = command->output_fd, .events = POLLIN},
                           {.fd = command->complaint_fd, .events = POLLIN},
                           {.fd = command->exit_fd, .events = POLLIN},
                           {.fd = command->cancel_fd, .events = POLLIN}};
    if (poll(fds, 4, (int)((command->due_us - now_us) / 1000) + 1) < 0 && errno != EINTR)
      return error_set(error, ERROR_UNAVAILABLE, "%.200s cannot be waited for: %s", command->name,
                       strerror(errno));
    if (fds[3].revents)
      return error_set(error, ERROR_UNAVAILABLE, "%.200s was killed: the program ends",
                       command->name);
    if (!drain(command, error)) return false;
    if (fds[2].revents) return true;
  }
}

/* The first line of its standard error, cut and without control characters; "" for none, or for
 * bytes that are no text. */
static const char *first_line(struct command *command, char line[COMPLAINT_LIMIT + 1]) {
  size_t length = 0;
  while (length < command->complaint_length && length < COMPLAINT_LIMIT &&
         !strchr("\r\n", command->complaint[length]))
    length++;
  /* A cut in the middle of a character leaves up to three bytes of it. */
  for (int i = 0; i < 3 && length > 0; i++)
    if (!utf8_valid((struct str){command->complaint, length})) length--;
  if (!utf8_valid((struct str){command->complaint, length})) length = 0;
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)command->complaint[i];
    line[i] = byte < 0x20 || byte == 0x7f ? ' ' : (char)byte;
  }
  line[length] = '\0';
  return line;
}

static bool judge(struct command *command, int status, struct error *error) {
  char line[COMPLAINT_LIMIT + 1];
  if (status == 0) return true;
  first_line(command, line);
  if (status < 0)
    return error_set(error, ERROR_DENIED, "how %.200s ended is unknown: is SIGCHLD ignored?",
                     command->name);
  return error_set(error, ERROR_DENIED, "%.200s ended with %s %d%s%s", command->name,
                   WIFEXITED(status) ? "exit code" : "signal",
                   WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), *line ? ": " : "",
                   line);
}

bool command_run(char *const *words, uint64_t timeout_ms, int cancel_fd, struct buffer *ret_output,
                 struct error *error) {
  struct command command = {.name = words[0],
                            .exit_fd = -1,
                            .due_us = clock_monotonic_us() + timeout_ms * 1000,
                            .cancel_fd = cancel_fd,
                            .output = ret_output};
  *ret_output = BUFFER_EMPTY;
  /* Grown in one piece, so that no freed piece holds a secret. */
  if (!buffer_reserve(ret_output, COMMAND_OUTPUT_LIMIT + CHUNK_SIZE))
    return error_set(error, ERROR_MEMORY, "out of memory");
  if (!command_start(&command, words, error)) return false;
  bool ended = command_wait(&command, error);
  int status = command_end(&command, !ended);
  return ended && judge(&command, status, error);
}
