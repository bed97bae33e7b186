/* exchange.h: one outgoing exchange: a curl easy handle, what it received, and how it ended. Inside
 * of the room only. */
#pragma once

#include "lib/base/list.h"
#include "lib/base/tally.h"
#include "lib/fetch/message.h"

#include <curl/curl.h>

struct fetch_exchange {
  struct list node; /* in the fetcher's list of what is under way, or of what was refused */
  CURL *easy;
  struct curl_slist *headers;
  struct buffer body;
  struct buffer head; /* of the answer, where it is kept */
  bool keep_headers;
  size_t response_limit;
  size_t header_bytes;
  uint64_t timeout_ms;
  const char *service;
  bool is_file;
  bool over_limit;
  bool refused; /* the request cannot be sent as it is: it ends with `reason` */
  char *label;  /* the URL as it may be logged: without userinfo, query and fragment */
  char reason[CURL_ERROR_SIZE];
  fetch_done done;
  void *argument;
};

/* Exchanges of the process that failed, by service: see fetch_failures(). */
extern struct tally exchange_failures;

/* Makes an exchange from a copy of `request`; NULL when memory is out. */
struct fetch_exchange *exchange_new(const struct fetch_request *request, fetch_done done,
                                    void *argument);

/* Tells `done` how it ended and frees the exchange, which is in no list and no multi handle any
 * more. */
void exchange_finish(struct fetch_exchange *exchange, CURLcode code);

/* Like exchange_finish() for an exchange that is given up because the fetcher closes. */
void exchange_abandon(struct fetch_exchange *exchange);

/* Frees without a call of `done`. Takes NULL. */
void exchange_free(struct fetch_exchange *exchange);
