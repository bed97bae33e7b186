/* fetch_wait.h: outgoing HTTP for commands: a loop and a fetcher of their own, and exchanges that
 * wait for their answer. */
#pragma once

#include "lib/fetch/fetch.h"

/* Zeroed: not open. */
struct fetch_wait {
  struct loop *loop;
  struct fetcher *fetcher;
};

/* An answer, kept after its exchange. The caller frees both buffers. */
struct fetch_answer {
  int status;
  struct buffer body;
  struct buffer headers; /* as in struct fetch_response */
};

/* After a failure it is closed. */
bool fetch_wait_open(struct fetch_wait *wait, struct error *error);

/* Ends it and frees all. Takes one that is not open. */
void fetch_wait_close(struct fetch_wait *wait);

/* Starts an exchange and drives the loop until it has ended. True when an answer came, whatever its
 * status. `*ret_answer` is set in each case: zeroed where there was none. */
bool fetch_wait_exchange(struct fetch_wait *wait, const struct fetch_request *request,
                         struct fetch_answer *ret_answer, struct error *error);

/* As fetch_response_header(). */
struct str fetch_wait_header(const struct fetch_answer *answer, struct str name);

void fetch_wait_free_answer(struct fetch_answer *answer);
