/* log.c: the queue of log lines and the thread that writes them.
 *
 * Any thread makes its line in memory of its own, then appends it to the queue under the mutex. The
 * writer takes the whole queue, gives its empty buffer in exchange, and writes without the mutex:
 * so nobody else waits for stdout, which may be slow, stuck, full or non-blocking. Lines that
 * stdout refuses are given up and counted with those that found the queue full. `waiting` says that
 * the writer sleeps and must be woken, `writing` that it has lines that are not out yet. The writer
 * ends when it is told to and the queue is empty; log_stop() waits for that, but only for a while,
 * since stdout may be stuck. */
#include "lib/base/log.h"

#include "lib/base/buffer.h"
#include "lib/base/clock.h"
#include "lib/base/json_writer.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
  LOG_QUEUE_LIMIT = 4 * 1024 * 1024, /* bytes that may wait for stdout */
  LOG_BATCH_PAUSE_US = 5000,         /* lets lines gather while there is traffic */
};

static struct {
  pthread_mutex_t mutex;
  pthread_cond_t work, idle;
  struct buffer queue;
  uint64_t dropped, dropped_in_all;
  atomic_uint level; /* read without the mutex */
  bool started, stopping, writing, waiting, for_people;
  pthread_t thread;
} logger = {.mutex = PTHREAD_MUTEX_INITIALIZER,
            .work = PTHREAD_COND_INITIALIZER,
            .idle = PTHREAD_COND_INITIALIZER,
            .level = LOG_LEVEL_INFO};

static const char *const LEVEL_NAMES[] = {"debug", "info", "warning", "error"};
_Static_assert(sizeof(LEVEL_NAMES) / sizeof(LEVEL_NAMES[0]) == LOG_LEVEL_ERROR + 1,
               "each level has a name");

bool log_level_parse(struct str text, enum log_level *ret_level) {
  for (unsigned i = 0; i < sizeof(LEVEL_NAMES) / sizeof(LEVEL_NAMES[0]); i++) {
    if (!str_equal_ignore_case(text, str_from(LEVEL_NAMES[i]))) continue;
    *ret_level = (enum log_level)i;
    return true;
  }
  return false;
}

bool log_enabled(enum log_level level) {
  return level >= atomic_load_explicit(&logger.level, memory_order_relaxed);
}

void log_set_level(enum log_level level) {
  atomic_store_explicit(&logger.level, level, memory_order_relaxed);
}

/* Whoever shares the pipe with us may have made it non-blocking, for all who share it. */
static bool wait_for_room(void) {
  struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
  return poll(&out, 1, -1) >= 0 || errno == EINTR;
}

/* Returns how many bytes went out: all of them, or those before stdout refused. */
static size_t write_until_refused(struct str text) {
  size_t done = 0;
  while (done < text.length) {
    ssize_t written = write(STDOUT_FILENO, text.data + done, text.length - done);
    if (written > 0)
      done += (size_t)written;
    else if (written == 0 || (errno != EINTR && !(errno == EAGAIN && wait_for_room())))
      break;
  }
  return done;
}

static uint64_t count_lines(struct str text) {
  uint64_t lines = 0;
  for (size_t i = 0; i < text.length; i++)
    lines += text.data[i] == '\n';
  return lines;
}

/* Writes whole lines; returns how many of them were given up. What follows a line that was cut off
 * begins on a line of its own. */
static uint64_t write_lines(struct str text, bool *is_cut) {
  if (*is_cut && write_until_refused(STR("\n")) == 0) return count_lines(text);
  *is_cut = false;
  size_t done = write_until_refused(text);
  if (done > 0) *is_cut = text.data[done - 1] != '\n';
  return count_lines((struct str){text.data + done, text.length - done});
}

static void *write_queue(void *unused) {
  (void)unused;
  struct buffer batch = BUFFER_EMPTY;
  bool is_cut = false;
  pthread_mutex_lock(&logger.mutex);
  for (;;) {
    while (logger.queue.length == 0 && !logger.stopping) {
      logger.writing = false;
      pthread_cond_broadcast(&logger.idle);
      logger.waiting = true;
      pthread_cond_wait(&logger.work, &logger.mutex);
      logger.waiting = false;
    }
    if (logger.queue.length == 0) break;
    struct buffer full = logger.queue;
    logger.queue = batch;
    logger.queue.length = 0;
    logger.writing = true;
    bool pause = !logger.stopping;
    pthread_mutex_unlock(&logger.mutex);
    uint64_t given_up = write_lines(buffer_str(&full), &is_cut);
    batch = full;
    if (pause) usleep(LOG_BATCH_PAUSE_US);
    pthread_mutex_lock(&logger.mutex);
    logger.dropped += given_up;
    logger.dropped_in_all += given_up;
  }
  assert(logger.stopping); /* nothing else ends the loop */
  logger.writing = false;
  pthread_cond_broadcast(&logger.idle);
  pthread_mutex_unlock(&logger.mutex);
  buffer_free(&batch);
  return NULL;
}

bool log_start(enum log_level level) {
  assert(!logger.started); /* two writers would mix their lines */
  log_set_level(level);
  logger.for_people = isatty(STDOUT_FILENO);
  sigset_t all, before;
  sigfillset(&all); /* signals are for the thread that waits for them */
  pthread_sigmask(SIG_SETMASK, &all, &before);
  logger.started = pthread_create(&logger.thread, NULL, write_queue, NULL) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return logger.started;
}

void log_stop(unsigned timeout_ms) {
  if (!logger.started) return;
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += timeout_ms / 1000;
  until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
  if (until.tv_nsec >= 1000000000) {
    until.tv_nsec -= 1000000000;
    until.tv_sec++;
  }
  pthread_mutex_lock(&logger.mutex);
  logger.stopping = true;
  pthread_cond_signal(&logger.work);
  bool late = false;
  while ((logger.queue.length > 0 || logger.writing) && !late)
    late = pthread_cond_timedwait(&logger.idle, &logger.mutex, &until) == ETIMEDOUT;
  pthread_mutex_unlock(&logger.mutex);
  if (late) return; /* stdout is stuck: the process ends without it */
  pthread_join(logger.thread, NULL);
  logger.started = false;
  buffer_free(&logger.queue);
}

static void append_value(struct buffer *line, const struct log_field *field) {
  switch (field->type) {
  case LOG_FIELD_TEXT: json_writer_mended(line, field->text); break;
  case LOG_FIELD_INT: json_writer_int(line, field->number); break;
  case LOG_FIELD_MS:
    json_writer_int(line, field->number / 1000);
    buffer_append_char(line, '.');
    for (int64_t digit = 100; digit > 0; digit /= 10)
      buffer_append_char(line, (char)('0' + field->number / digit % 10));
    break;
  case LOG_FIELD_END: break;
  }
}

static void append_beginning(struct buffer *line, enum log_level level, const char *message) {
  char now[CLOCK_RFC3339_SIZE];
  size_t length = clock_format_rfc3339(clock_unix_us(), now);
  buffer_append_text(line, "{\"time\":\"");
  buffer_append(line, now, length);
  buffer_append_text(line, "\",\"level\":\"");
  buffer_append_text(line, LEVEL_NAMES[level]);
  buffer_append_text(line, "\",\"message\":");
  json_writer_mended(line, str_from(message));
}

static void append_json_line(struct buffer *line, enum log_level level, const char *message,
                             va_list fields) {
  append_beginning(line, level, message);
  for (;;) {
    struct log_field field = va_arg(fields, struct log_field);
    if (field.type == LOG_FIELD_END) break;
    buffer_append_char(line, ',');
    json_writer_string(line, str_from(field.name));
    buffer_append_char(line, ':');
    append_value(line, &field);
  }
  buffer_append_text(line, "}\n");
}

static void append_line_for_people(struct buffer *line, enum log_level level, const char *message,
                                   va_list fields) {
  static const char *const COLOURS[] = {"\033[2m", "", "\033[33m", "\033[31m"};
  bool colour = !getenv("NO_COLOR");
  char now[CLOCK_RFC3339_SIZE];
  clock_format_rfc3339(clock_unix_us(), now);
  buffer_append(line, now + 11, 12);
  buffer_append_char(line, ' ');
  if (colour) buffer_append_text(line, COLOURS[level]);
  if (level >= LOG_LEVEL_WARNING) buffer_append_format(line, "%s: ", LEVEL_NAMES[level]);
  buffer_append_text(line, message);
  if (colour) buffer_append_text(line, "\033[0m");
  for (;;) {
    struct log_field field = va_arg(fields, struct log_field);
    if (field.type == LOG_FIELD_END) break;
    buffer_append_format(line, "  %s=", field.name);
    append_value(line, &field);
  }
  buffer_append_char(line, '\n');
}

/* Under the mutex. */
static void say_dropped(void) {
  append_beginning(&logger.queue, LOG_LEVEL_WARNING, "log lines dropped");
  buffer_append_format(&logger.queue, ",\"count\":%llu}\n", (unsigned long long)logger.dropped);
  logger.dropped = 0;
}

static void enqueue(const struct buffer *line) {
  pthread_mutex_lock(&logger.mutex);
  if (line->failed || logger.queue.length + line->length > LOG_QUEUE_LIMIT) {
    logger.dropped++;
    logger.dropped_in_all++;
  } else {
    if (logger.dropped > 0) say_dropped();
    buffer_append(&logger.queue, line->data, line->length);
  }
  /* Only an idle writer needs waking: a busy one looks again before it sleeps. */
  if (logger.waiting) pthread_cond_signal(&logger.work);
  pthread_mutex_unlock(&logger.mutex);
}

uint64_t log_dropped(void) {
  pthread_mutex_lock(&logger.mutex);
  uint64_t dropped = logger.dropped_in_all;
  pthread_mutex_unlock(&logger.mutex);
  return dropped;
}

void log_event(enum log_level level, const char *message, ...) {
  assert(level <= LOG_LEVEL_ERROR);
  if (!log_enabled(level)) return;
  struct buffer line = BUFFER_EMPTY;
  va_list fields;
  va_start(fields, message);
  if (logger.for_people)
    append_line_for_people(&line, level, message, fields);
  else
    append_json_line(&line, level, message, fields);
  va_end(fields);
  enqueue(&line);
  buffer_free(&line);
}
