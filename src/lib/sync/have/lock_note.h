/* lock_note.h: what .cruddur/lock.json says: who is syncing the bucket, if anybody is. No I/O but
 * for what this machine's kernel tells of processes. */
#pragma once

#include "lib/base/buffer.h"

#include <stdint.h>

enum { LOCK_NOTE_SIZE_LIMIT = 64 * 1024, LOCK_HOST_SIZE = 128, LOCK_ID_SIZE = 33 };

/* A run that holds the lock. */
struct lock_owner {
  char host[LOCK_HOST_SIZE];    /* for people */
  uint64_t process;             /* its number */
  char id[LOCK_ID_SIZE];        /* random, of this run alone */
  char machine[LOCK_HOST_SIZE]; /* which kernel, boot and namespace the number is of */
  uint64_t started;             /* when the process started, in the kernel's ticks */
  int64_t since_s;              /* when the run took the lock, seconds of UTC since 1970 */
};

struct lock_note {
  bool is_held; /* `owner` is somebody */
  struct lock_owner owner;
  uint64_t counter;    /* goes up with each writing, so that no two notes are the same */
  bool is_probed;      /* somebody has tried whether the store has conditional writes */
  bool has_conditions; /* it has */
};

/* Reads the JSON text. A text that is no such note tells of an owner that nobody knows. */
void lock_note_parse(struct str text, struct lock_note *ret_note);

/* Appends the JSON text. */
void lock_note_write(const struct lock_note *note, struct buffer *output);

/* Fills in this process, with a new random id. */
void lock_note_name_us(struct lock_owner *ret_owner);

/* True when the owner was a process of this machine, and is no more. */
bool lock_note_is_gone(const struct lock_owner *owner);
