/* call.h: one call of a service from its start to `done`: credentials, tries, pauses. Inside of the
 * room only. */
#pragma once

#include "lib/aws/client.h"
#include "lib/aws/endpoint.h"
#include "lib/aws/provider.h"

struct aws_client {
  struct loop *loop;
  struct aws_provider *provider;
  struct fetcher *fetcher;
  struct span_sink *sink; /* NULL: no spans are recorded */
  char *region;
  struct endpoint endpoints[AWS_SERVICE_COUNT];
  struct aws_watcher watcher;
  struct list waiting; /* calls that wait for credentials */
  struct list others;  /* calls that do anything else */
  size_t call_count;   /* under way */
  size_t holders;      /* who needs the memory: the owner, each call's timer, a posted news */
  bool closing;
};

/* A holder lets go; the last one frees a client that closes. */
void client_release(struct aws_client *client);

/* Makes a call of copies and sends its first try. False when memory is out. */
bool call_start(struct aws_client *client, const struct aws_request *request, aws_done done,
                void *argument);

/* For a call of the list `waiting`: there is news of the credentials. */
void call_wake(struct list *node);

/* Ends a call that is not being sent, because the program ends. */
void call_abandon(struct list *node);
