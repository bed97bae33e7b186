/* crash.c: the last words of a process that a signal kills.
 *
 * The handler runs in the middle of anything, on a stack of its own. So it calls nothing but
 * async-signal-safe functions (signal-safety(7)) and backtrace(), which is safe once it was called
 * before; it allocates nothing, and writes into fixed memory. SA_RESETHAND lets it run once. */
#include "lib/telemetry/crash.h"

#include "lib/base/cleanup.h"

#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
  FRAMES_LIMIT = 48,
  FRAME_SIZE = 22,      /* ,"0x0123456789abcdef" and a little more */
  LINE_REST_SIZE = 512, /* what stands around the frames */
  LINE_SIZE = 4096,
  STACK_SIZE = 64 * 1024,
  REPORT_LIMIT = 16 * 1024,
};

_Static_assert(FRAMES_LIMIT *FRAME_SIZE + LINE_REST_SIZE <= LINE_SIZE, "no line is cut off");
_Static_assert(LINE_SIZE <= REPORT_LIMIT, "what is written is what is taken");

static _Thread_local void *thread_stack; /* what sigaltstack() knows, a thread at a time */

static struct {
  const char *path;
  uintptr_t base; /* where the executable is loaded: the report's addresses are relative to it */
} crash;

/* A text that grows within fixed memory, and is cut off there. */
struct crash_line {
  char text[LINE_SIZE];
  size_t length;
};

static void put(struct crash_line *line, const char *text) {
  for (; *text && line->length < LINE_SIZE - 2; text++)
    line->text[line->length++] = *text;
}

static void put_number(struct crash_line *line, uint64_t number, unsigned radix) {
  char digits[24];
  size_t at = sizeof(digits) - 1;
  digits[at] = '\0';
  do {
    digits[--at] = "0123456789abcdef"[number % radix];
    number /= radix;
  } while (number > 0);
  put(line, digits + at);
}

static const char *signal_name(int number) {
  switch (number) {
  case SIGSEGV: return "SIGSEGV";
  case SIGBUS: return "SIGBUS";
  case SIGFPE: return "SIGFPE";
  case SIGILL: return "SIGILL";
  case SIGABRT: return "SIGABRT";
  default: return "?";
  }
}

static void put_frames(struct crash_line *line) {
  void *frames[FRAMES_LIMIT];
  int count = backtrace(frames, FRAMES_LIMIT);
  for (int i = 0; i < count; i++) {
    put(line, i == 0 ? "\"0x" : ",\"0x");
    uintptr_t address = (uintptr_t)frames[i];
    put_number(line, address >= crash.base ? address - crash.base : address, 16);
    put(line, "\"");
  }
}

static void write_line(int fd, const struct crash_line *line) {
  ssize_t written = write(fd, line->text, line->length);
  (void)written; /* a failure cannot be reported to anyone */
}

static void on_crash(int number) {
  static struct crash_line line; /* one crash a process: SA_RESETHAND, and the next signal kills */
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  put(&line, "{\"unix_time\":");
  put_number(&line, (uint64_t)now.tv_sec, 10);
  put(&line, ",\"level\":\"error\",\"message\":\"crashed\",\"signal\":\"");
  put(&line, signal_name(number));
  put(&line, "\",\"version\":\"" CRUDDUR_VERSION "\",\"backtrace\":[");
  put_frames(&line);
  put(&line, "]}\n");
  write_line(STDOUT_FILENO, &line);
  int fd = crash.path ? open(crash.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)
                      : -1;
  if (fd >= 0) write_line(fd, &line);
  raise(number); /* takes effect when the handler returns, and kills as if we had not caught it */
}

/* The first object is the executable itself. */
static int remember_base(struct dl_phdr_info *info, size_t size, void *unused) {
  (void)size, (void)unused;
  crash.base = info->dlpi_addr;
  return 1;
}

void crash_enter_thread(void) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  if (thread_stack) return;
  thread_stack = malloc(STACK_SIZE);
  if (thread_stack) sigaltstack(&(stack_t){.ss_sp = thread_stack, .ss_size = STACK_SIZE}, NULL);
#endif
}

void crash_leave_thread(void) {
  if (!thread_stack) return;
  sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
  free(thread_stack);
  thread_stack = NULL;
}

void crash_catch(const char *path) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  (void)path, (void)on_crash, (void)remember_base;
#else
  static const int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  void *frame;
  crash.path = path;
  dl_iterate_phdr(remember_base, NULL);
  backtrace(&frame, 1); /* loads libgcc now: in the handler it must not */
  crash_enter_thread();
  struct sigaction action = {.sa_handler = on_crash, .sa_flags = (int)(SA_RESETHAND | SA_ONSTACK)};
  for (size_t i = 0; i < sizeof(SIGNALS) / sizeof(SIGNALS[0]); i++)
    sigaction(SIGNALS[i], &action, NULL);
#endif
}

bool crash_take_report(const char *path, struct buffer *ret_report) {
  /* Without O_NONBLOCK a FIFO at this path would hold up the start. */
  _cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
      status.st_size > REPORT_LIMIT)
    return false;
  char bytes[REPORT_LIMIT];
  ssize_t length = read(fd, bytes, sizeof(bytes));
  unlink(path);
  if (length <= 0) return false;
  buffer_append(ret_report, bytes, (size_t)length);
  return !ret_report->failed;
}
