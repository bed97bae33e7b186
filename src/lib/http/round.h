/* round.h: a round: one run of a handler for all the requests that wait for its target, and the
 * answer that it gave, which does not change any more and is shared by reference. */
#pragma once

#include "lib/http/request.h"

struct round {
  unsigned references;
  struct http_request *request; /* what the handler is given; holds its answer */
  char tag[ETAG_SIZE];          /* of the answer's body; "" while nobody needed it */
  struct buffer gzip;           /* the same in gzip; made when somebody takes it */
  bool is_coded;
};

/* Makes the round of `target`, which `first` asked for before all others. Its handler logs under
 * the id of `first` and works in the trace of `traced`. NULL when memory is out. */
struct round *round_new(struct coalesce_target *target, const struct http_request *first,
                        const struct http_request *traced);

struct round *round_ref(struct round *round);

/* Frees it with the last reference; takes NULL. */
void round_unref(struct round *round);

/* Answers a request as the round was answered, by reference. */
void round_answer(struct round *round, struct http_request *request);

/* Chooses the status and the form of the body for one of the requests that `round` answered, and
 * returns its bytes, which are the round's. */
struct str round_choose(struct round *round, struct http_request *request);
