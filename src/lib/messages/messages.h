/* messages.h: direct messages between two users: one interface, Postgres or DynamoDB behind it.
 *
 * A store belongs to one loop. Its functions start the work and call `done` exactly once, on the
 * loop; an answer is the same whichever store gave it. See docs/messages.md. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"
#include "lib/base/trace.h"
#include "lib/base/uuid.h"
#include "lib/loop/loop.h"

#include <stdint.h>

enum { MESSAGES_PAGE_LIMIT = 100 };

struct message_store;
struct pg_pool;
struct aws_client;

enum message_outcome {
  MESSAGES_DONE,
  MESSAGES_NO_CALLER,    /* no user has the token's sub */
  MESSAGES_NO_RECIPIENT, /* no user has the handle */
  MESSAGES_SELF,         /* the handle is the caller's own */
  MESSAGES_NO_GROUP,     /* the group does not exist, or the caller is no member */
  MESSAGES_KEY_REUSED,   /* the caller's Idempotency-Key belongs to another request */
  MESSAGES_UNAVAILABLE,  /* Postgres or DynamoDB did not do it in time: answer 503 */
  MESSAGES_FAILED,       /* a defect, or a setting that makes no sense: answer 500 */
};

/* A place in a list that runs from new to old. */
struct message_place {
  int64_t created_at_us; /* microseconds of UTC since 1970 */
  struct uuid uuid;      /* of the message or the group */
};

struct message_page {
  int32_t limit; /* 1 to MESSAGES_PAGE_LIMIT */
  bool has_before;
  struct message_place before; /* only what is older than this */
};

/* Borrowed by the callback for the time of the call. */
struct message_answer {
  enum message_outcome outcome;
  struct buffer *body;       /* MESSAGES_DONE: the answer as JSON; the callback may take it */
  const struct error *error; /* MESSAGES_UNAVAILABLE, MESSAGES_FAILED: why */
  bool more;                 /* lists: there is more, after `next` */
  struct message_place next;
};

/* Who calls, and for which request. */
struct message_caller {
  struct str sub;                    /* of the verified token */
  const struct trace_context *trace; /* NULL: none */
  struct str key;                    /* Idempotency-Key of a message that is sent; empty: none */
  struct str request_hash;           /* what tells the key's request from another; 32 bytes */
};

typedef void (*message_done)(const struct message_answer *answer, void *argument);

/* What is given by reference (text, uuid, page, trace) stays until `done` was called.
 *
 * With a key, sending is done once: who sends with the same key again within a day gets the first
 * answer, and what the first call left unfinished is finished. */

/* An array of the caller's groups, latest message first: uuid, display_name and handle of the other
 * member, message and created_at of the latest message. */
void message_store_list_groups(struct message_store *store, struct message_caller caller,
                               const struct message_page *page, message_done done, void *argument);

/* An array of the group's newest messages, oldest of them first. */
void message_store_list(struct message_store *store, struct message_caller caller,
                        const struct uuid *group, const struct message_page *page,
                        message_done done, void *argument);

/* Sends a message to a user, in the group that the two share, or in a new one:
 * {"message_group_uuid"}. */
void message_store_start(struct message_store *store, struct message_caller caller,
                         struct str handle, struct str message, message_done done, void *argument);

/* Sends a message to a group: {"message_group_uuid","uuid","display_name",…}. */
void message_store_send(struct message_store *store, struct message_caller caller,
                        const struct uuid *group, struct str message, message_done done,
                        void *argument);

/* Makes what is under way give up (each `done` is told) and frees the store when its loop ends.
 * Before its pool and its client are closed. Takes NULL. */
void message_store_close(struct message_store *store);

/* Messages in Postgres. NULL when memory is out. */
struct message_store *message_store_on_postgres(struct loop *loop, struct pg_pool *pool,
                                                struct error *error);

/* Messages in DynamoDB's table `table`, which must outlive the store; users in Postgres. A call has
 * `deadline_ms`, all its requests to DynamoDB together. NULL when memory is out. */
struct message_store *message_store_on_dynamodb(struct loop *loop, struct pg_pool *pool,
                                                struct aws_client *client, const char *table,
                                                unsigned deadline_ms, struct error *error);
