/* program.c: see program.h. A program has four handles of the loop: the process, a poll for each of
 * its two pipes, the timer of its time. It is told of once, by end(), which closes all but the
 * process; that is closed when the kernel says that it has ended, which may be later when it was
 * killed. The last handle that closes frees the memory. */
#include "lib/aws/credentials/program.h"

#include "lib/aws/secret.h"
#include "lib/base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  COMPLAINT_LIMIT = 200, /* bytes of it that are quoted */
  COMPLAINT_KEPT = 1024,
  CHUNK_SIZE = 4096,
  CHUNKS_A_TURN = 32, /* more than a pipe holds */
  NAME_SIZE = 201,
  HANDLES = 4,
};

struct program {
  uv_process_t process;
  uv_poll_t output_poll, complaint_poll;
  uv_timer_t timer;
  unsigned open_handles;
  int output_fd, complaint_fd; /* our ends, which never wait; -1: none */
  char name[NAME_SIZE];        /* for people */
  struct buffer output;
  char complaint[COMPLAINT_KEPT]; /* how its standard error begins */
  size_t complaint_length;
  program_done done; /* NULL: it was called */
  void *argument;
};

static void on_closed(uv_handle_t *handle) {
  struct program *program = handle->data;
  assert(program->open_handles > 0);
  if (--program->open_handles > 0) return;
  assert(!program->done);
  if (program->output_fd >= 0) close(program->output_fd);
  if (program->complaint_fd >= 0) close(program->complaint_fd);
  secret_buffer_free(&program->output);
  free(program);
}

static void close_pipes_and_timer(struct program *program) {
  uv_close((uv_handle_t *)&program->output_poll, on_closed);
  uv_close((uv_handle_t *)&program->complaint_poll, on_closed);
  uv_close((uv_handle_t *)&program->timer, on_closed);
}

static void end(struct program *program, const struct error *error) {
  program_done done = program->done;
  assert(done);
  program->done = NULL;
  close_pipes_and_timer(program);
  done(buffer_str(&program->output), error, program->argument);
}

/* Its own process too: it may have left its group. */
static void kill_and_end(struct program *program, const struct error *error) {
  kill(-program->process.pid, SIGKILL);
  kill(program->process.pid, SIGKILL);
  end(program, error);
}

void program_cancel(struct program *program) {
  struct error error;
  error_set(&error, ERROR_UNAVAILABLE, "%s was killed: the program ends", program->name);
  kill_and_end(program, &error);
}

static void on_timeout(uv_timer_t *timer) {
  struct program *program = timer->data;
  struct error error;
  error_set(&error, ERROR_UNAVAILABLE, "%s did not end in time and was killed", program->name);
  kill_and_end(program, &error);
}

/* --- What it prints --- */

static void keep_complaint(struct program *program, const char *chunk, size_t length) {
  size_t room = sizeof(program->complaint) - program->complaint_length;
  if (length > room) length = room;
  memcpy(program->complaint + program->complaint_length, chunk, length);
  program->complaint_length += length;
}

/* Reads what is there for now. True when nothing more will come. */
static bool drain(struct program *program, int fd) {
  char chunk[CHUNK_SIZE];
  ssize_t count = 1;
  for (int i = 0; i < CHUNKS_A_TURN && count > 0; i++) {
    count = read(fd, chunk, sizeof(chunk));
    if (count > 0 && fd == program->output_fd)
      buffer_append(&program->output, chunk, (size_t)count);
    else if (count > 0)
      keep_complaint(program, chunk, (size_t)count);
    if (program->output.length > PROGRAM_OUTPUT_LIMIT) break;
  }
  bool is_later = count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
  explicit_bzero(chunk, sizeof(chunk));
  return !is_later;
}

static bool fits(const struct program *program, struct error *error) {
  if (program->output.length <= PROGRAM_OUTPUT_LIMIT) return true;
  return error_set(error, ERROR_MEMORY, "%s printed more than %d bytes", program->name,
                   PROGRAM_OUTPUT_LIMIT);
}

static void on_readable(uv_poll_t *poll, int status, int events) {
  (void)status, (void)events;
  struct program *program = poll->data;
  struct error error;
  bool is_output = poll == &program->output_poll;
  if (drain(program, is_output ? program->output_fd : program->complaint_fd)) uv_poll_stop(poll);
  if (!fits(program, &error)) kill_and_end(program, &error);
}

/* The first line of its standard error, cut and without control characters; "" for none, or for
 * bytes that are no text. */
static const char *first_line(const struct program *program, char line[COMPLAINT_LIMIT + 1]) {
  const char *complaint = program->complaint;
  size_t length = 0;
  while (length < program->complaint_length && length < COMPLAINT_LIMIT &&
         !strchr("\r\n", complaint[length]))
    length++;
  /* A cut in the middle of a character leaves up to three bytes of it. */
  for (int i = 0; i < 3 && length > 0; i++)
    if (!utf8_valid((struct str){complaint, length})) length--;
  if (!utf8_valid((struct str){complaint, length})) length = 0;
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)complaint[i];
    line[i] = byte < 0x20 || byte == 0x7f ? ' ' : (char)byte;
  }
  line[length] = '\0';
  return line;
}

/* --- Its end --- */

static bool judge(const struct program *program, int64_t exit_code, int signal,
                  struct error *error) {
  char line[COMPLAINT_LIMIT + 1];
  if (exit_code == 0 && signal == 0) return true;
  first_line(program, line);
  return error_set(error, ERROR_DENIED, "%s ended with %s %d%s%s", program->name,
                   signal ? "signal" : "exit code", signal ? signal : (int)exit_code,
                   *line ? ": " : "", line);
}

/* What it left running may keep the pipes open; that is not waited for. */
static void on_ended(uv_process_t *process, int64_t exit_code, int signal) {
  struct program *program = process->data;
  struct error error;
  if (program->done) {
    drain(program, program->output_fd);
    drain(program, program->complaint_fd);
    bool good = fits(program, &error) && judge(program, exit_code, signal, &error);
    end(program, good ? NULL : &error);
  }
  uv_close((uv_handle_t *)process, on_closed);
}

/* --- Its start --- */

static int spawn(struct program *program, struct loop *loop, char *const *words, int output,
                 int complaint) {
  uv_stdio_container_t stdio[] = {
      {.flags = UV_IGNORE}, /* /dev/null */
      {.flags = UV_INHERIT_FD, .data.fd = output},
      {.flags = UV_INHERIT_FD, .data.fd = complaint},
  };
  const uv_process_options_t options = {
      .exit_cb = on_ended,
      .file = words[0],
      .args = (char **)(uintptr_t)words,
      .flags = UV_PROCESS_DETACHED, /* a group of its own */
      .stdio_count = 3,
      .stdio = stdio,
  };
  /* Ours are closed in it anyway; this is for those that we inherited. */
  close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  return uv_spawn(loop_uv(loop), &program->process, &options);
}

static void start_reading(struct program *program, struct loop *loop, uint64_t timeout_ms) {
  uv_poll_init(loop_uv(loop), &program->output_poll, program->output_fd);
  uv_poll_init(loop_uv(loop), &program->complaint_poll, program->complaint_fd);
  uv_timer_init(loop_uv(loop), &program->timer);
  uv_poll_start(&program->output_poll, UV_READABLE, on_readable);
  uv_poll_start(&program->complaint_poll, UV_READABLE, on_readable);
  uv_update_time(loop_uv(loop));
  uv_timer_start(&program->timer, on_timeout, timeout_ms, 0);
}

/* Runs it, and closes the ends of the pipes that are its own. 0, or an error number of libuv. */
static int run(struct program *program, struct loop *loop, char *const *words) {
  uv_file output[2] = {-1, -1}, complaint[2] = {-1, -1};
  int code = uv_pipe(output, UV_NONBLOCK_PIPE, 0);
  if (code == 0) code = uv_pipe(complaint, UV_NONBLOCK_PIPE, 0);
  program->output_fd = output[0];
  program->complaint_fd = complaint[0];
  program->process.data = program->output_poll.data = program->complaint_poll.data =
      program->timer.data = program;
  if (code == 0) {
    code = spawn(program, loop, words, output[1], complaint[1]);
    program->open_handles = 1; /* also when it failed */
  }
  if (output[1] >= 0) close(output[1]);
  if (complaint[1] >= 0) close(complaint[1]);
  return code;
}

struct program *program_start(struct loop *loop, char *const *words, uint64_t timeout_ms,
                              program_done done, void *argument, struct error *error) {
  struct program *program = calloc(1, sizeof(*program));
  /* Grown in one piece, so that no freed piece holds a secret. */
  if (!program || !buffer_reserve(&program->output, PROGRAM_OUTPUT_LIMIT + (size_t)CHUNK_SIZE)) {
    free(program);
    error_set(error, ERROR_MEMORY, "out of memory");
    return NULL;
  }
  snprintf(program->name, sizeof(program->name), "%s", words[0]);
  int code = run(program, loop, words);
  if (code == 0) {
    program->open_handles = HANDLES;
    program->done = done;
    program->argument = argument;
    start_reading(program, loop, timeout_ms);
    return program;
  }
  error_set(error, ERROR_DENIED, "%s cannot be run: %s", program->name, strerror(-code));
  if (program->open_handles > 0) {
    uv_close((uv_handle_t *)&program->process, on_closed);
    return NULL;
  }
  program->open_handles = 1;
  on_closed((uv_handle_t *)&program->process);
  return NULL;
}
