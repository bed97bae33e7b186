/* sync_lock.c: only one run may change a bucket at a time.
 *
 * Opening waits until nobody holds the lock; taking writes to what opening saw. Whoever reads the
 * bucket in between knows by that write, which is refused otherwise, that no other run has begun
 * since. These and giving back block; a timer renews the lock on the session's loop. The lock
 * has a client of its own, so that no upload stands before a renewal, and so that it can be given
 * back when the run was stopped. One request of it is under way at a time. A write that is refused
 * (412, 409) may have met its own first try, whose answer was lost: what the object says then
 * counts. */
#include "lib/sync/have/sync_lock.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/loop/loop.h"
#include "lib/sync/have/lock_note.h"
#include "lib/sync/have/sync_state.h"
#include "lib/sync/want/digest.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
  RENEW_MS = 10 * 1000,
  RENEW_DEADLINE_MS = 15 * 1000,
  CALL_DEADLINE_MS = 60 * 1000,
  TRY_TIMEOUT_MS = 5 * 1000,
  LOOK_AGAIN_MS = 1000,
  CONFLICTS_LIMIT = 20, /* writes in a row that somebody else was faster with */
  STALE_S = 60,
  ETAG_SIZE = 80,
  MICROSECONDS = 1000000,
};
static const uint64_t TRUSTED_US = UINT64_C(30) * MICROSECONDS;

/* What a request came to. */
struct lock_outcome {
  bool done, found, refused; /* refused: the condition did not hold */
  bool not_implemented;      /* the store knows no conditions */
  bool cut;                  /* the answer was cut short */
  struct error error;        /* ERROR_NONE: it succeeded, or found nothing, or was refused */
  char etag[ETAG_SIZE];
  int64_t age_s; /* of what was found, by the store's clock */
  struct lock_note note;
};

struct sync_lock {
  const struct sync_session *session;
  struct aws_client *client;
  struct s3_bucket bucket;
  struct sync_storage storage;
  struct arena arena;
  const char *key;
  struct lock_note note; /* as this run writes it */
  char etag[ETAG_SIZE];  /* quoted, of the object as it was written last */
  uint64_t sent_us;      /* when the write that is under way was sent */
  uint64_t renewed_us;   /* when the write that succeeded last was sent, by CLOCK_BOOTTIME */
  uint64_t wait_s;       /* for another run to end */
  bool exists;           /* when it was looked at last */
  bool is_held, is_lost, is_asking;
  bool has_timer, timer_closed;
  uv_timer_t timer;
  struct buffer body; /* of the write that is under way */
  struct lock_outcome outcome;
  void (*then)(struct sync_lock *lock); /* told of the outcome; NULL: somebody waits for it */
};

/* --- Requests --- */

static bool is_code(const struct aws_response *response, const char *code) {
  return strcmp(response->code, code) == 0;
}

static void note_etag(struct lock_outcome *outcome, const struct aws_response *response) {
  struct str etag = aws_client_response_header(response, STR("etag"));
  snprintf(outcome->etag, sizeof(outcome->etag), "%.*s", (int)etag.length, etag.data);
}

static void note_found(struct lock_outcome *outcome, const struct aws_response *response) {
  int64_t now_s = s3_parse_time(aws_client_response_header(response, STR("date")));
  int64_t then_s = s3_parse_time(aws_client_response_header(response, STR("last-modified")));
  outcome->cut = !sync_state_is_whole(response);
  outcome->age_s = now_s >= 0 && then_s >= 0 ? now_s - then_s : 0;
  lock_note_parse(response->body, &outcome->note);
}

static void on_answer(const struct aws_response *response, void *argument) {
  struct sync_lock *lock = argument;
  struct lock_outcome *outcome = &lock->outcome;
  bool is_write = lock->body.length > 0;
  *outcome = (struct lock_outcome){.done = true};
  outcome->refused = response->status == 412 || response->status == 409;
  outcome->not_implemented = response->status == 501 || is_code(response, "NotImplemented");
  outcome->found = response->status != 404 || is_code(response, "NoSuchBucket");
  if (!outcome->found && is_write) outcome->refused = true; /* somebody took the object away */
  if (!response->error) {
    note_etag(outcome, response);
    if (!is_write) note_found(outcome, response);
    if (is_write && !*outcome->etag)
      outcome->refused = true; /* reading tells it, or nothing does */
  } else if (outcome->found && !outcome->refused && !outcome->not_implemented) {
    outcome->error = *response->error;
    error_prefix(&outcome->error, "the lock %s", lock->key);
  }
  buffer_free(&lock->body);
  lock->is_asking = false;
  if (lock->then) lock->then(lock);
}

static void fail_at_once(struct sync_lock *lock, const struct error *error) {
  buffer_free(&lock->body);
  lock->is_asking = false;
  lock->outcome = (struct lock_outcome){.done = true, .found = true, .error = *error};
}

static void start_read(struct sync_lock *lock) {
  struct error error = {0};
  assert(!lock->is_asking && lock->body.length == 0);
  lock->is_asking = true;
  if (!s3_get(lock->client, &lock->bucket, lock->key, LOCK_NOTE_SIZE_LIMIT, on_answer, lock,
              &error))
    fail_at_once(lock, &error);
}

/* Writes the note with a higher counter. `etag` is that which the object must have; NULL: there
 * must be no object; "": whatever there is. */
static void start_write(struct sync_lock *lock, const char *etag) {
  char md5[DIGEST_MD5_SIZE], base64[DIGEST_MD5_BASE64_SIZE];
  struct error error = {0};
  assert(!lock->is_asking && lock->body.length == 0);
  lock->note.counter++;
  lock_note_write(&lock->note, &lock->body);
  digest_md5(buffer_str(&lock->body), md5);
  digest_md5_base64(md5, base64);
  struct sigv4_header headers[S3_HEADERS_LIMIT] = {{STR("content-md5"), str_from(base64)},
                                                   {STR("content-type"), STR("application/json")},
                                                   {STR("cache-control"), STR("no-store")}};
  size_t count = place_storage_headers(&lock->storage, false, true, headers, 3);
  if (!etag) headers[count++] = (struct sigv4_header){STR("if-none-match"), STR("*")};
  if (etag && *etag) headers[count++] = (struct sigv4_header){STR("if-match"), str_from(etag)};
  struct s3_putting put = {lock->key, buffer_str(&lock->body), headers, count};
  lock->is_asking = true;
  lock->sent_us = clock_boot_us();
  if (lock->body.failed) error_set(&error, ERROR_MEMORY, "out of memory");
  if (lock->body.failed || !s3_put(lock->client, &lock->bucket, &put, on_answer, lock, &error))
    fail_at_once(lock, &error);
}

static const struct lock_outcome *await(struct sync_lock *lock) {
  if (lock->is_asking) {
    lock->outcome.done = false;
    sync_session_wait(lock->session, &lock->outcome.done);
  }
  return &lock->outcome;
}

static bool is_ours(const struct sync_lock *lock, const struct lock_note *note) {
  return note->is_held && strcmp(note->owner.id, lock->note.owner.id) == 0;
}

static void note_renewed(struct sync_lock *lock) {
  assert(lock->sent_us >= lock->renewed_us);
  memcpy(lock->etag, lock->outcome.etag, sizeof(lock->etag));
  lock->renewed_us = lock->sent_us;
}

/* Writes, and waits. True when the object is as it was written. */
static bool write_surely(struct sync_lock *lock, const char *etag) {
  lock->then = NULL;
  start_write(lock, etag);
  bool written = !await(lock)->refused && lock->outcome.error.kind == ERROR_NONE;
  if (lock->outcome.refused) {
    start_read(lock);
    const struct lock_outcome *seen = await(lock);
    written = seen->error.kind == ERROR_NONE && seen->found && !seen->cut &&
              seen->note.counter == lock->note.counter &&
              seen->note.is_held == lock->note.is_held &&
              (!seen->note.is_held || is_ours(lock, &seen->note));
  }
  if (written) note_renewed(lock);
  return written;
}

/* --- Renewing --- */

static void lose(struct sync_lock *lock, const char *why) {
  struct error error = {0};
  assert(lock->is_held);
  lock->is_lost = true;
  error_set(&error, ERROR_PARTLY, "%s; sync again", why);
  sync_session_stop(lock->session, &error);
}

static void on_looked(struct sync_lock *lock) {
  const struct lock_outcome *outcome = &lock->outcome;
  if (outcome->error.kind != ERROR_NONE || outcome->cut) return; /* the next renewal finds out */
  if (outcome->found && is_ours(lock, &outcome->note))
    note_renewed(lock);
  else
    lose(lock, "this run stood still, and another one has taken its lock");
}

static void on_renewed(struct sync_lock *lock) {
  const struct lock_outcome *outcome = &lock->outcome;
  lock->then = on_looked;
  if (outcome->refused)
    start_read(lock);
  else if (outcome->error.kind == ERROR_NONE)
    note_renewed(lock);
}

static void on_renewal_due(uv_timer_t *timer) {
  struct sync_lock *lock = timer->data;
  if (lock->is_asking || lock->is_lost) return;
  lock->bucket.deadline_ms = RENEW_DEADLINE_MS;
  lock->then = on_renewed;
  start_write(lock, lock->etag);
}

/* Before each request of the run. */
static void check(void *argument) {
  struct sync_lock *lock = argument;
  if (lock->is_held && !lock->is_lost && clock_boot_us() - lock->renewed_us >= TRUSTED_US)
    lose(lock, "this run stood still for so long that another one may have taken its lock");
}

/* --- Taking --- */

static bool is_free(const struct lock_outcome *seen) {
  return !seen->note.is_held || seen->age_s > STALE_S || lock_note_is_gone(&seen->note.owner);
}

static void append_owner(const struct lock_owner *owner, struct buffer *output) {
  char since[CLOCK_RFC3339_SIZE];
  clock_format_rfc3339(owner->since_s * MICROSECONDS, since);
  buffer_append_format(output, "%s (process %" PRIu64 ", since %.19s UTC)",
                       *owner->host ? owner->host : "somebody", owner->process, since);
}

static bool tell_holder(const struct lock_owner *owner, struct error *error) {
  _cleanup_(buffer_free) struct buffer holder = BUFFER_EMPTY;
  append_owner(owner, &holder);
  return error_set(error, ERROR_UNAVAILABLE,
                   "%s is syncing this bucket; nothing was changed. --lock-wait SECONDS waits for "
                   "it",
                   buffer_text(&holder));
}

/* What a look at the lock means, or a try to take it. */
enum lock_chance {
  CHANCE_TAKEN,
  CHANCE_FREE,
  CHANCE_AGAIN,
  CHANCE_HELD,
  CHANCE_NONE,
  CHANCE_FAILED
};

/* Remembers what was seen, for the write that takes it. */
static enum lock_chance look(struct sync_lock *lock) {
  lock->then = NULL;
  start_read(lock);
  const struct lock_outcome *seen = await(lock);
  if (seen->error.kind != ERROR_NONE) return CHANCE_FAILED;
  if (seen->cut) return CHANCE_AGAIN;
  lock->exists = seen->found;
  if (!seen->found) return CHANCE_FREE;
  if (is_ours(lock, &seen->note)) {
    note_renewed(lock);
    return CHANCE_TAKEN;
  }
  lock->note.is_probed = seen->note.is_probed;
  lock->note.has_conditions = seen->note.has_conditions;
  lock->note.counter = seen->note.counter;
  memcpy(lock->etag, seen->etag, sizeof(lock->etag));
  if (!*seen->etag || (seen->note.is_probed && !seen->note.has_conditions)) return CHANCE_NONE;
  return is_free(seen) ? CHANCE_FREE : CHANCE_HELD;
}

/* Writes our note where the lock was free. */
static enum lock_chance grab(struct sync_lock *lock) {
  start_write(lock, lock->exists ? lock->etag : NULL);
  const struct lock_outcome *outcome = await(lock);
  if (outcome->not_implemented) return CHANCE_NONE;
  if (outcome->refused) return CHANCE_AGAIN;
  if (outcome->error.kind != ERROR_NONE) return CHANCE_FAILED;
  note_renewed(lock);
  return CHANCE_TAKEN;
}

/* A store that takes `If-None-Match: *` for an object that is there has no conditional writes. */
static bool probe(struct sync_lock *lock, struct error *error) {
  start_write(lock, NULL);
  const struct lock_outcome *outcome = await(lock);
  if (outcome->error.kind != ERROR_NONE) {
    *error = outcome->error;
    return false;
  }
  lock->note.is_probed = true;
  lock->note.has_conditions = outcome->refused && outcome->found;
  if (!lock->note.has_conditions) lock->note.is_held = false;
  if (write_surely(lock, lock->note.has_conditions ? lock->etag : "")) return true;
  *error = lock->outcome.error;
  return lock->outcome.error.kind == ERROR_NONE &&
         error_set(error, ERROR_UNAVAILABLE, "somebody else has taken the lock; sync again");
}

static void hold(struct sync_lock *lock) {
  assert(!lock->is_held && lock->note.is_held && lock->note.is_probed);
  struct sync_run *run = lock->session->run;
  run->has_conditions = lock->is_held = true;
  run->check = check;
  run->check_argument = lock;
  lock->has_timer = true;
  uv_timer_init(loop_uv(lock->session->aws->loop), &lock->timer);
  lock->timer.data = lock;
  uv_timer_start(&lock->timer, on_renewal_due, RENEW_MS, RENEW_MS);
}

static bool begin(struct sync_lock *lock, enum lock_chance chance, struct error *error) {
  if (chance == CHANCE_TAKEN && !lock->note.is_probed && !probe(lock, error)) return false;
  if (chance == CHANCE_TAKEN && lock->note.has_conditions) {
    hold(lock);
    return true;
  }
  sync_session_notice(lock->session, "the store has no conditional writes: two syncs at the same "
                                     "time are not kept apart");
  return true;
}

static bool tell_failure(const struct sync_lock *lock, struct error *error) {
  *error =
      sync_session_is_stopped(lock->session) ? lock->session->run->stopped : lock->outcome.error;
  return false;
}

/* Looks until the lock is not held any more, or the time is over. */
static bool await_free(struct sync_lock *lock, enum lock_chance *ret_chance, struct error *error) {
  uint64_t start_us = clock_boot_us();
  unsigned cuts = 0;
  for (bool told = false;; told = true) {
    enum lock_chance chance = look(lock);
    const struct lock_owner *owner = &lock->outcome.note.owner;
    if (chance == CHANCE_FAILED || sync_session_is_stopped(lock->session))
      return tell_failure(lock, error);
    *ret_chance = chance;
    if (chance != CHANCE_HELD && chance != CHANCE_AGAIN) return true;
    if (chance == CHANCE_AGAIN && ++cuts < CONFLICTS_LIMIT) continue;
    if (clock_boot_us() - start_us >= lock->wait_s * MICROSECONDS) return tell_holder(owner, error);
    if (!told)
      sync_session_notice(lock->session, "waiting for %s (process %" PRIu64 "), which is syncing",
                          owner->host, owner->process);
    sync_session_pause(lock->session, LOOK_AGAIN_MS);
  }
}

/* --- The lock --- */

static void on_closed(uv_handle_t *handle) {
  ((struct sync_lock *)handle->data)->timer_closed = true;
}

static void lock_free(struct sync_lock *lock) {
  if (lock->has_timer) {
    uv_close((uv_handle_t *)&lock->timer, on_closed);
    sync_session_wait(lock->session, &lock->timer_closed);
  }
  aws_client_close(lock->client);
  buffer_free(&lock->body);
  arena_free(&lock->arena);
  free(lock);
}

/* NULL, with an error, when it cannot be made. */
static struct sync_lock *lock_new(const struct sync_session *session, const struct config *config,
                                  const struct sync_place *place, struct error *error) {
  struct sync_lock *lock = calloc(1, sizeof(*lock));
  if (!lock) {
    error_set(error, ERROR_MEMORY, "out of memory");
    return NULL;
  }
  lock->session = session;
  lock->key = place_state_key(place, &lock->arena, "lock.json");
  lock->bucket = place_bucket(place, 0);
  lock->storage = place->storage;
  lock->bucket.deadline_ms = CALL_DEADLINE_MS;
  lock->bucket.try_timeout_ms = TRY_TIMEOUT_MS;
  lock->client = aws_client_new(session->aws->loop, session->aws->provider, config, error);
  if (lock->client && *lock->key) return lock;
  if (lock->client) error_set(error, ERROR_MEMORY, "out of memory");
  lock_free(lock);
  return NULL;
}

bool sync_lock_open(const struct sync_session *session, const struct config *config,
                    const struct sync_place *place, uint64_t wait_s, struct sync_lock **ret_lock,
                    struct error *error) {
  struct sync_lock *lock = lock_new(session, config, place, error);
  enum lock_chance chance;
  if (!lock) return false;
  lock->wait_s = wait_s;
  lock->note.is_held = true;
  lock_note_name_us(&lock->note.owner);
  if (await_free(lock, &chance, error)) {
    *ret_lock = lock;
    return true;
  }
  lock_free(lock);
  return false;
}

bool sync_lock_take(struct sync_lock *lock, bool *ret_undisturbed, struct error *error) {
  enum lock_chance chance =
      lock->note.is_probed && !lock->note.has_conditions ? CHANCE_NONE : grab(lock);
  *ret_undisturbed = true;
  for (unsigned tries = 0; chance == CHANCE_AGAIN && tries < CONFLICTS_LIMIT; tries++) {
    *ret_undisturbed = false;
    if (!await_free(lock, &chance, error)) return false;
    if (chance == CHANCE_FREE) chance = grab(lock);
  }
  if (chance == CHANCE_TAKEN || chance == CHANCE_NONE) return begin(lock, chance, error);
  if (chance == CHANCE_FAILED) return tell_failure(lock, error);
  return error_set(error, ERROR_UNAVAILABLE, "other runs were always faster; sync again");
}

bool sync_lock_look(const struct sync_session *session, const struct config *config,
                    const struct sync_place *place, struct arena *arena, const char **ret_holder,
                    struct error *error) {
  struct sync_lock *lock = lock_new(session, config, place, error);
  if (!lock) return false;
  start_read(lock);
  const struct lock_outcome *seen = await(lock);
  bool looked = seen->error.kind == ERROR_NONE;
  if (looked) {
    bool held = seen->found && !is_free(seen);
    _cleanup_(buffer_free) struct buffer holder = BUFFER_EMPTY;
    if (held) append_owner(&seen->note.owner, &holder);
    *ret_holder = arena_copy(arena, buffer_str(&holder));
  } else {
    *error = seen->error;
  }
  lock_free(lock);
  return looked;
}

void sync_lock_give_back(struct sync_lock *lock) {
  if (!lock) return;
  lock->session->run->check = NULL;
  if (lock->has_timer) uv_timer_stop(&lock->timer);
  if (lock->is_asking) await(lock); /* a renewal; its answer has the ETag */
  if (lock->is_asking) await(lock); /* and the look at the lock that may follow it */
  if (lock->is_held && !lock->is_lost) {
    lock->note.is_held = false;
    if (!write_surely(lock, lock->etag))
      sync_session_notice(lock->session, "the lock could not be given back: it ends in a minute");
  }
  lock_free(lock);
}
