/* lock_note.c: what .cruddur/lock.json says. */
#include "lib/sync/have/lock_note.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/encoding.h"
#include "lib/base/file.h"
#include "lib/base/json_writer.h"
#include "lib/base/random.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  NOTE_VERSION = 1,
  MICROSECONDS = 1000000,
  PROC_LIMIT = 4096,
  STARTED_FIELD = 20, /* of /proc/PID/stat, counted from the state, which is field 1 */
};

/* --- JSON --- */

static void copy_text(char *target, size_t size, const char *text) {
  snprintf(target, size, "%s", text);
}

static bool read_owner(json_t *value, struct lock_owner *owner) {
  const char *host, *id, *machine = "";
  json_int_t process, started = 0, since = 0;
  if (json_unpack(value, "{s: s, s: I, s: s, s?: s, s?: I, s?: I}", "host", &host, "process",
                  &process, "id", &id, "machine", &machine, "started", &started, "since",
                  &since) != 0 ||
      process < 0 || started < 0)
    return false;
  copy_text(owner->host, sizeof(owner->host), host);
  copy_text(owner->id, sizeof(owner->id), id);
  copy_text(owner->machine, sizeof(owner->machine), machine);
  owner->process = (uint64_t)process;
  owner->started = (uint64_t)started;
  owner->since_s = since;
  return true;
}

void lock_note_parse(struct str text, struct lock_note *ret_note) {
  json_error_t problem;
  struct lock_note note = {0};
  json_t *root = json_loadb(text.data ? text.data : "", text.length, 0, &problem), *owner;
  json_int_t counter;
  int probed, conditions;
  bool read = json_unpack(root, "{s: o, s: I, s: b, s: b}", "owner", &owner, "counter", &counter,
                          "probed", &probed, "conditional_writes", &conditions) == 0 &&
              counter >= 0;
  if (read) {
    note.counter = (uint64_t)counter;
    note.is_probed = probed;
    note.has_conditions = conditions;
    note.is_held = !json_is_null(owner);
    read = !note.is_held || read_owner(owner, &note.owner);
  }
  json_decref(root);
  *ret_note = read ? note : (struct lock_note){.is_held = true, .owner = {.host = "somebody"}};
}

static void write_text(struct buffer *output, const char *before, const char *text) {
  buffer_append_text(output, before);
  json_writer_string(output, str_from(text));
}

void lock_note_write(const struct lock_note *note, struct buffer *output) {
  const struct lock_owner *owner = &note->owner;
  assert(!note->is_held || strlen(owner->id) == LOCK_ID_SIZE - 1);
  buffer_append_format(output,
                       "{\"version\":%d,\"counter\":%" PRIu64
                       ",\"probed\":%s,\"conditional_writes\":%s,\"owner\":",
                       NOTE_VERSION, note->counter, note->is_probed ? "true" : "false",
                       note->has_conditions ? "true" : "false");
  if (note->is_held) {
    write_text(output, "{\"host\":", owner->host);
    buffer_append_format(output, ",\"process\":%" PRIu64, owner->process);
    write_text(output, ",\"id\":", owner->id);
    write_text(output, ",\"machine\":", owner->machine);
    buffer_append_format(output, ",\"started\":%" PRIu64 ",\"since\":%" PRId64 "}", owner->started,
                         owner->since_s);
  } else {
    buffer_append_text(output, "null");
  }
  buffer_append_text(output, "}\n");
}

/* --- Processes --- */

/* When the process started, 0 when it has ended and waits for its parent; false when the kernel
 * does not say. The name in parentheses may hold anything. */
static bool read_started(uint64_t process, uint64_t *ret_started) {
  char path[64];
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  snprintf(path, sizeof(path), "/proc/%" PRIu64 "/stat", process);
  if (!file_read(path, PROC_LIMIT, &text, &(struct error){0})) return false;
  const char *end = strrchr(buffer_text(&text), ')');
  if (!end || end[1] != ' ') return false;
  *ret_started = 0;
  if (end[2] == 'Z' || end[2] == 'X') return true;
  struct str fields = str_from(end + 2), field = {0};
  for (unsigned i = 0; i < STARTED_FIELD; i++)
    if (!str_next(&fields, ' ', &field)) return false;
  return str_to_u64(field, 0, UINT64_MAX, ret_started);
}

/* The boot's random id and the namespace of process numbers; "" when they are not known. */
static void read_machine(char machine[LOCK_HOST_SIZE]) {
  _cleanup_(buffer_free) struct buffer boot = BUFFER_EMPTY;
  struct stat status;
  machine[0] = '\0';
  if (!file_read("/proc/sys/kernel/random/boot_id", PROC_LIMIT, &boot, &(struct error){0}) ||
      stat("/proc/self/ns/pid", &status) != 0)
    return;
  struct str id = str_trim(buffer_str(&boot));
  snprintf(machine, LOCK_HOST_SIZE, "%.*s-%ju", (int)id.length, id.data, (uintmax_t)status.st_ino);
}

void lock_note_name_us(struct lock_owner *ret_owner) {
  struct lock_owner owner = {.process = (uint64_t)getpid(),
                             .since_s = clock_unix_us() / MICROSECONDS};
  unsigned char random[(LOCK_ID_SIZE - 1) / 2];
  if (gethostname(owner.host, sizeof(owner.host) - 1) != 0)
    copy_text(owner.host, sizeof(owner.host), "a host without a name");
  random_bytes(random, sizeof(random));
  encoding_hex_write(owner.id, random, sizeof(random));
  read_machine(owner.machine);
  if (!read_started(owner.process, &owner.started)) owner.machine[0] = '\0';
  *ret_owner = owner;
}

bool lock_note_is_gone(const struct lock_owner *owner) {
  char machine[LOCK_HOST_SIZE];
  uint64_t started;
  read_machine(machine);
  if (!*machine || strcmp(machine, owner->machine) != 0 || owner->process > INT32_MAX) return false;
  if (kill((pid_t)owner->process, 0) != 0 && errno == ESRCH) return true;
  return read_started(owner->process, &started) && started != owner->started;
}
