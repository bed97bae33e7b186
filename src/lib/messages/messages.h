/* messages.h: direct messages between two users: one interface, Postgres or DynamoDB behind it.
 *
 * A store belongs to one loop and is used on its thread alone. What is asked of it is one value,
 * struct message_ask; the answer is the same whichever store gives it. See docs/messages.md. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"
#include "lib/base/timing.h"
#include "lib/base/trace.h"
#include "lib/base/uuid.h"
#include "lib/loop/loop.h"

#include <stdint.h>

enum { MESSAGES_PAGE_LIMIT = 100, MESSAGES_REQUEST_HASH_SIZE = 32 };

struct message_store;
struct pg_pool;
struct aws_client;

/* --- What is asked --- */

enum message_ask_kind {
  MESSAGES_LIST_GROUPS,   /* an array of the caller's groups, latest message first */
  MESSAGES_LIST,          /* an array of a group's newest messages, oldest of them first */
  MESSAGES_SEND_TO_USER,  /* sends in the group that the two share, or in a new one */
  MESSAGES_SEND_TO_GROUP, /* sends in a group that exists */
  MESSAGES_ASK_KINDS,     /* how many there are */
};

/* A place in a list that runs from new to old. */
struct message_place {
  int64_t created_at_us; /* microseconds of UTC since 1970; see pg_time.h */
  struct uuid uuid;      /* of the message or the group */
};

struct message_page {
  int32_t limit; /* 1 to MESSAGES_PAGE_LIMIT */
  bool has_before;
  struct message_place before; /* only what is older than this */
};

/* Who asks, and in which request. */
struct message_caller {
  struct str sub;                    /* of the verified token */
  const struct trace_context *trace; /* NULL: none */
  struct timing *timing;             /* of the request; NULL: nobody wants to know */
};

/* The Idempotency-Key of a message that is sent. Whoever sends with the same key again within a day
 * gets the first answer, and what the first request left unfinished is finished. */
struct message_key {
  struct str text;         /* empty: the message has no key */
  struct str request_hash; /* MESSAGES_REQUEST_HASH_SIZE bytes that tell one request from another */
};

/* The store copies the value; the bytes of `str` members, the trace and the timing are borrowed
 * until `done` was called. */
struct message_ask {
  enum message_ask_kind kind;
  struct message_caller caller;
  struct uuid group;        /* MESSAGES_LIST, MESSAGES_SEND_TO_GROUP */
  struct str handle;        /* MESSAGES_SEND_TO_USER: the recipient's */
  struct str text;          /* both ways of sending: the message */
  struct message_page page; /* both lists */
  struct message_key key;   /* both ways of sending */
};

/* --- What is answered --- */

enum message_outcome {
  MESSAGES_DONE,
  MESSAGES_NO_CALLER,    /* no user has the token's sub */
  MESSAGES_NO_RECIPIENT, /* no user has the handle */
  MESSAGES_SELF,         /* the handle is the caller's own */
  MESSAGES_NO_GROUP,     /* the group does not exist, or the caller is not a member */
  MESSAGES_KEY_REUSED,   /* the caller's Idempotency-Key belongs to another request */
  MESSAGES_UNAVAILABLE,  /* Postgres or DynamoDB did not do it in time: answer 503 */
  MESSAGES_FAILED,       /* a defect, or a setting that makes no sense: answer 500 */
};

/* Borrowed by the callback for the time of the call. */
struct message_answer {
  enum message_outcome outcome;
  struct buffer *body;       /* MESSAGES_DONE: the answer as JSON; the callback may take it */
  const struct error *error; /* MESSAGES_UNAVAILABLE, MESSAGES_FAILED: why */
  bool more;                 /* lists: there is more, after `next` */
  struct message_place next;
};

typedef void (*message_done)(const struct message_answer *answer, void *argument);

/* Starts what is asked. Calls `done` exactly once, on the loop, whatever happens; perhaps before
 * this function returns. The JSON of MESSAGES_DONE, by kind:
 *   MESSAGES_LIST_GROUPS    [{"uuid","display_name","handle","message","created_at"},…]: the other
 *                           member's names, text and time of the latest message
 *   MESSAGES_LIST           [{"uuid","display_name","handle","message","created_at"},…]
 *   MESSAGES_SEND_TO_USER   {"message_group_uuid"}
 *   MESSAGES_SEND_TO_GROUP  {"message_group_uuid","uuid","display_name","handle","message",
 *                           "created_at"} */
void message_store_ask(struct message_store *store, const struct message_ask *ask,
                       message_done done, void *argument);

/* Makes what is under way give up (each `done` is called); the store is freed when its loop ends.
 * Call it before its pool and its client are closed. Takes NULL. */
void message_store_close(struct message_store *store);

/* Messages in Postgres. NULL when memory is out. */
struct message_store *postgres_store_new(struct loop *loop, struct pg_pool *pool,
                                         struct error *error);

/* Messages in DynamoDB's table `table`, which must outlive the store; users in Postgres. All
 * requests to DynamoDB for one ask share a deadline of `deadline_ms`. NULL when memory is out. */
struct message_store *dynamodb_store_new(struct loop *loop, struct pg_pool *pool,
                                         struct aws_client *client, const char *table,
                                         unsigned deadline_ms, struct error *error);
