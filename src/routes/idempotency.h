/* idempotency.h: the Idempotency-Key of a request: reading it, and what it stands for.
 *
 * A key belongs to a user and counts for a day. The statements that write (db/sql, …_once.sql)
 * claim it in the transaction of the write, with a hash that tells one request from another. */
#pragma once

#include "lib/http/http.h"
#include "lib/pg/pool.h"

enum { IDEMPOTENCY_KEY_LIMIT = 255, IDEMPOTENCY_HASH_SIZE = 32 };

struct idempotency {
  struct str key;
  unsigned char hash[IDEMPOTENCY_HASH_SIZE]; /* SHA-256 of route, parameter and body */
};

/* Reads the request's key, 1 to 255 characters of printable ASCII, into `*ret_idempotency`, which
 * lives as long as the request; NULL when it has none. `route` is its method and pattern,
 * `parameter` what its path names, or empty. Answers 400 or 500 and returns false when the key is
 * no good or cannot be kept. */
bool idempotency_read(struct http_request *request, struct str route, struct str parameter,
                      const struct idempotency **ret_idempotency);

/* The hash as the statements take it. */
struct str idempotency_hash_str(const struct idempotency *idempotency);

/* Binds key and hash, the last parameters of a statement that claims the key. */
void idempotency_bind(struct pg_batch *batch, const struct idempotency *idempotency);

/* Answers 422 when the statement's row says that the key belongs to another request. Returns true
 * when it answered. */
bool idempotency_answers_reuse(struct http_request *request, const struct pg_result *result);
