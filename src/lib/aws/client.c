/* client.c: see client.h. */
#include "lib/aws/client.h"

#include "lib/aws/call.h"

#include <stdlib.h>

enum { CALLS_LIMIT = 1000 }; /* under way in one client; fetch takes hardly more */

void client_release(struct aws_client *client) {
  if (--client->holders > 0) return;
  aws_provider_part(&client->watcher);
  for (size_t i = 0; i < AWS_SERVICE_COUNT; i++)
    endpoint_free(&client->endpoints[i]);
  free(client->region);
  free(client);
}

/* Each call that waits looks once; those that go on waiting stand at the end then. */
static void on_settled(struct aws_watcher *watcher) {
  struct aws_client *client =
      (struct aws_client *)(void *)((char *)watcher - offsetof(struct aws_client, watcher));
  if (client->closing) {
    client_release(client);
    return;
  }
  size_t count = 0;
  for (struct list *node = client->waiting.next; node != &client->waiting; node = node->next)
    count++;
  while (count-- > 0 && !list_empty(&client->waiting)) {
    struct list *node = list_pop(&client->waiting);
    list_append(&client->waiting, node);
    call_wake(node);
  }
}

static bool resolve_all(struct aws_client *client, const struct config *config,
                        struct error *error) {
  client->region = endpoint_region(config);
  if (!client->region)
    return error_set(error, ERROR_INVALID,
                     "AWS_DEFAULT_REGION is not set (AWS region of the services called), for "
                     "example AWS_DEFAULT_REGION=ca-central-1");
  for (size_t i = 0; i < AWS_SERVICE_COUNT; i++)
    if (!endpoint_resolve(config, (enum aws_service)i, client->region, &client->endpoints[i],
                          error))
      return false;
  return true;
}

struct aws_client *aws_client_new(struct loop *loop, struct aws_provider *provider,
                                  const struct config *config, struct error *error) {
  struct aws_client *client = calloc(1, sizeof(*client));
  if (!client) {
    error_set(error, ERROR_MEMORY, "out of memory");
    return NULL;
  }
  bool resolved = resolve_all(client, config, error);
  client->fetcher = resolved ? fetcher_new(loop, error) : NULL;
  if (!client->fetcher) {
    for (size_t i = 0; i < AWS_SERVICE_COUNT; i++)
      endpoint_free(&client->endpoints[i]);
    free(client->region);
    free(client);
    return NULL;
  }
  client->loop = loop;
  client->provider = provider;
  client->holders = 1;
  list_init(&client->waiting);
  list_init(&client->others);
  client->watcher.loop = loop;
  client->watcher.settled = on_settled;
  aws_provider_join(provider, &client->watcher);
  return client;
}

void aws_client_close(struct aws_client *client) {
  if (!client || client->closing) return;
  client->closing = true;
  fetcher_close(client->fetcher); /* ends the calls that are being sent */
  while (!list_empty(&client->waiting))
    call_abandon(client->waiting.next);
  while (!list_empty(&client->others))
    call_abandon(client->others.next);
  if (aws_provider_leave(&client->watcher)) client->holders++;
  client_release(client);
}

void aws_client_trace(struct aws_client *client, struct span_sink *sink) {
  client->sink = sink;
}

const char *aws_client_region(const struct aws_client *client) {
  return client->region;
}

bool aws_call(struct aws_client *client, const struct aws_request *request, aws_done done,
              void *argument, struct error *error) {
  if (client->closing)
    return error_set(error, ERROR_UNAVAILABLE, "no request to AWS starts: the program ends");
  if (client->call_count >= CALLS_LIMIT)
    return error_set(error, ERROR_UNAVAILABLE, "too many requests to AWS are under way");
  return call_start(client, request, done, argument) ||
         error_set(error, ERROR_MEMORY, "out of memory for a request to AWS");
}

struct str aws_response_header(const struct aws_response *response, struct str name) {
  if (!response->answer) return (struct str){NULL, 0};
  return fetch_response_header(response->answer, name);
}
