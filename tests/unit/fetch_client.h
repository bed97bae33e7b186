/* fetch_client.h: what the tests of outgoing HTTP share: a fetcher on a loop of its own, and what
 * an exchange came to. */
#pragma once

#include "unit.h"

#include "lib/fetch/fetch.h"

enum { AMPLE_MS = 20000, LIMIT = 1000 };

struct client {
  struct loop *loop;
  struct fetcher *fetcher;
};

/* What a `done` was told. */
struct outcome {
  unsigned calls;
  int status;
  struct buffer body;
  struct error error; /* kind ERROR_NONE when an answer came */
  struct client *close_client;
};

struct client client_new(void);

/* loop_free() asserts that every handle was closed. */
void client_free(struct client *client);

/* A fetch_done; `argument` is a struct outcome. */
void on_done(const struct fetch_response *response, void *argument);

void wait_for(struct client *client, const struct outcome *outcome);
struct outcome run(struct client *client, const struct fetch_request *request);
struct fetch_request get(const char *url);

/* Fetches one URL with a client of its own. */
struct outcome fetch_alone(const struct fetch_request *request);

/* Frees the outcome's body. */
void expect_error(struct outcome outcome, enum error_kind kind, const char *part);

/* A port that is taken and not listened on: connecting to it is refused. */
int take_port(char url[64]);
