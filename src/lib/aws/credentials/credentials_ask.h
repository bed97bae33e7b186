/* credentials_ask.h: one asking for credentials: a source is found, then asked. What all sources
 * share is here; each kind of source has a file of its own. Inside of the room only.
 *
 * A source is found on a worker thread, because files are read, and fills in the first part; it is
 * asked on the provider's loop: one to three requests in a row, whose answers are bounded and
 * distrusted, then the roles. No answer is quoted in an error. */
#pragma once

#include "lib/aws/aws_try.h"
#include "lib/aws/credentials/profile.h"

#include <jansson.h>

enum { AWS_ROLES_LIMIT = 8 }; /* in a row, each assumed with the keys of the one before */

/* What a source works with when it is looked for. */
struct credentials_search {
  const struct config *config;
  const struct profile_files *files; /* NULL: not read, for those that need none */
  const char *profile;               /* whose settings are asked */
  bool environment_too;              /* settings of the environment go before the profile's */
};

/* What it says: it was found; it is not set up; it is set up wrongly (`error` says how), which ends
 * the search. The asking may be filled in part in each case. */
enum credentials_step { STEP_FOUND, STEP_NONE, STEP_FAILED };

/* A role that is assumed with other keys (AssumeRole). */
struct credentials_role {
  char *arn;
  char *session_name;  /* NULL: one is made up */
  char *external_id;   /* NULL: none; a secret */
  char *profile;       /* that says so */
  unsigned duration_s; /* 0: as STS has it */
};

/* The token of a person who has logged in to SSO. */
struct credentials_sso {
  char *profile;
  int64_t expires_us;
  char *renewal_url; /* NULL: the token cannot be renewed, or need not be */
  char *renewal;     /* the body that is sent there; a secret */
  char *cache_path;  /* where the renewed token is kept, … */
  char *cached;      /* … instead of this; a secret */
};

struct credentials_ask;
struct program;

/* Called exactly once, on the loop; `credentials` (the callee's) is NULL when it failed with
 * `error`. */
typedef void (*credentials_done)(struct aws_credentials *credentials, const struct error *error,
                                 void *argument);

/* Asks; false with an error when it cannot: then `done` is not called. */
typedef bool (*credentials_start)(struct credentials_ask *ask, struct error *error);

struct credentials_ask {
  /* Found. */
  credentials_start start;       /* asks the source; NULL: `keys` are there already */
  credentials_start start_role;  /* asks for the next of the roles */
  struct aws_credentials *keys;  /* without asking, or those that the next role is assumed with */
  char *url;                     /* of a container's endpoint, the metadata service, SSO's portal */
  char *token;                   /* that is shown to whom is asked; a secret */
  char *role_arn, *session_name; /* of web identity */
  char **words;                  /* of credential_process, in one block; they may hold secrets */
  char *process_profile;         /* that has it */
  struct credentials_sso sso;
  struct endpoint sts; /* for web identity and for roles; scheme NULL: not resolved */
  char *sts_region;    /* of its signatures */
  struct credentials_role
      roles[AWS_ROLES_LIMIT]; /* to be assumed afterwards, the first one first */
  unsigned role_count;

  /* While it is asked. */
  struct loop *loop;
  struct fetcher *fetcher;
  credentials_done done;
  void *argument;
  void (*cancel)(struct credentials_ask *ask); /* ends what fetch_close() does not; NULL: nothing */
  struct program *process;                     /* of credential_process; NULL: it does not run */
  unsigned roles_done;
  struct aws_prepared prepared; /* the request to STS that is under way */
  struct buffer metadata_token; /* of the session with the instance metadata service */
  bool metadata_begun_again;    /* that session, after a failure */
};

/* Ends a step with an error: `return credentials_ask_refuse(error, …)`. */
enum credentials_step credentials_ask_refuse(struct error *error, enum error_kind kind,
                                             const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Found without asking: takes `keys`; NULL counts as memory being out. */
enum credentials_step credentials_ask_has(struct credentials_ask *ask, struct aws_credentials *keys,
                                          struct error *error);

/* Starts to ask what was found; loop, fetcher, done and argument are set. `done` is called later,
 * never from inside. After a failure it is not called. */
bool credentials_ask_start(struct credentials_ask *ask, struct error *error);

/* Ends it where closing the fetcher does not: `done` is called from inside, with an error. */
void credentials_ask_cancel(struct credentials_ask *ask);

/* Frees what was found and what is kept while asking. A zeroed asking holds nothing. */
void credentials_ask_free(struct credentials_ask *ask);

/* --- For the sources --- */

/* Starts one request to `who`, with a bound on its answer. */
bool credentials_ask_send(struct credentials_ask *ask, struct fetch_request *request,
                          const char *who, fetch_done done, struct error *error);

/* Ends the asking with an error. */
void credentials_ask_fail(struct credentials_ask *ask, enum error_kind kind, const char *format,
                          ...) __attribute__((format(printf, 3, 4)));

/* Returns false and ends the asking when there was no answer, or one other than 200. After 4xx,
 * but for 408 and 429, asking again would not help. */
bool credentials_ask_accept(struct credentials_ask *ask, const struct fetch_response *response,
                            const char *who);

/* What was handed out; `expiry` is text, or `expires_us` is it where that is not 0. */
struct credentials_answer {
  struct str id, secret, token, expiry;
  int64_t expires_us;
};

/* Goes on with the keys: they are the answer, or the next role is assumed with them. When `answer`
 * is not whole it ends as UNAVAILABLE with `complaint`. Keys are taken to be good until
 * `earliest_us` at least. */
void credentials_ask_finish(struct credentials_ask *ask, const struct credentials_answer *answer,
                            int64_t earliest_us, const char *source, const char *complaint);

/* The text `name` of a JSON object; data is NULL where there is none. */
struct str credentials_ask_text(const json_t *object, const char *name);
