/* rate.c: token buckets in a set-associative table: a secret hash of the key picks a row of a few
 * places, so that nobody can choose keys that fall into one row.
 *
 * A bucket is one number: when it will be full. A token taken puts that off by the time in which
 * one comes back, and there is no token left when it would be put off beyond a whole period. */
#include "lib/http/rate.h"

#include "lib/base/random.h"
#include "lib/base/siphash.h"

#include <pthread.h>
#include <stdlib.h>

enum { ROW_PLACES = 8, ROW_COUNT = 2048, LOCK_COUNT = 64 };

static const uint64_t NS_OF_S = 1000000000;

struct bucket {
  uint64_t key;        /* its hash */
  uint64_t full_at_ns; /* of the monotonic clock; 0: never used */
};

struct rate_limiter {
  uint64_t token_ns, period_ns; /* in which a token comes back; in which all of them do */
  unsigned char secret[SIPHASH_SECRET_SIZE];
  pthread_mutex_t locks[LOCK_COUNT]; /* of the rows whose number leaves this remainder */
  struct bucket rows[ROW_COUNT][ROW_PLACES];
};

bool rate_parse(struct str text, struct rate *ret_rate) {
  static const struct {
    struct str name;
    uint32_t seconds;
  } PERIODS[] = {{{"/second", 7}, 1}, {{"/minute", 7}, 60}, {{"/hour", 5}, 3600}};
  uint32_t count = 0;
  size_t digits = 0;
  for (; digits < text.length && text.data[digits] >= '0' && text.data[digits] <= '9'; digits++) {
    count = count * 10 + (uint32_t)(text.data[digits] - '0');
    if (count > RATE_COUNT_HIGHEST) return false;
  }
  if (count == 0) return false;
  struct str rest = {text.data + digits, text.length - digits};
  for (size_t i = 0; i < sizeof(PERIODS) / sizeof(PERIODS[0]); i++) {
    if (!str_equal(rest, PERIODS[i].name)) continue;
    *ret_rate = (struct rate){count, PERIODS[i].seconds};
    return true;
  }
  return false;
}

struct rate_limiter *rate_limiter_new(struct rate rate) {
  struct rate_limiter *limiter = calloc(1, sizeof(*limiter));
  if (!limiter) return NULL;
  limiter->token_ns = rate.period_s * NS_OF_S / rate.count;
  limiter->period_ns = limiter->token_ns * rate.count;
  random_bytes(limiter->secret, sizeof(limiter->secret));
  for (int i = 0; i < LOCK_COUNT; i++)
    pthread_mutex_init(&limiter->locks[i], NULL);
  return limiter;
}

struct rate_limiter *rate_limiter_free(struct rate_limiter *limiter) {
  if (!limiter) return NULL;
  for (int i = 0; i < LOCK_COUNT; i++)
    pthread_mutex_destroy(&limiter->locks[i]);
  free(limiter);
  return NULL;
}

/* The key's bucket, in the place of another one's when it had none. */
static struct bucket *find_bucket(struct bucket *row, uint64_t key) {
  struct bucket *fullest = &row[0];
  for (int i = 0; i < ROW_PLACES; i++) {
    if (row[i].key == key && row[i].full_at_ns > 0) return &row[i];
    if (row[i].full_at_ns < fullest->full_at_ns) fullest = &row[i];
  }
  *fullest = (struct bucket){.key = key};
  return fullest;
}

bool rate_limiter_take(struct rate_limiter *limiter, struct str key, unsigned tokens,
                       uint64_t now_us, unsigned *ret_wait_s) {
  uint64_t taken_ns = tokens * limiter->token_ns;
  if (taken_ns > limiter->period_ns) taken_ns = limiter->period_ns;
  uint64_t hash = siphash(limiter->secret, key);
  uint64_t row = hash % ROW_COUNT, now_ns = now_us * 1000;
  pthread_mutex_t *lock = &limiter->locks[row % LOCK_COUNT];
  pthread_mutex_lock(lock);
  struct bucket *bucket = find_bucket(limiter->rows[row], hash);
  if (bucket->full_at_ns < now_ns) bucket->full_at_ns = now_ns;
  uint64_t full_at_ns = bucket->full_at_ns + taken_ns;
  bool taken = full_at_ns <= now_ns + limiter->period_ns;
  if (taken) bucket->full_at_ns = full_at_ns;
  pthread_mutex_unlock(lock);
  if (taken) return true;
  uint64_t wait_ns = full_at_ns - now_ns - limiter->period_ns;
  *ret_wait_s = (unsigned)((wait_ns + NS_OF_S - 1) / NS_OF_S);
  return false;
}
