/* fetch_wait.c: see fetch_wait.h. One exchange is under way at a time; whoever asks drives the loop
 * until it has ended. */
#include "lib/fetch/fetch_wait.h"

#include <assert.h>

struct fetch_waiting {
  struct fetch_answer *answer;
  struct error error; /* kind ERROR_NONE: an answer came */
  bool ended;
};

bool fetch_wait_open(struct fetch_wait *wait, struct error *error) {
  assert(!wait->loop);
  wait->loop = loop_new(0);
  if (wait->loop) wait->fetcher = fetch_open(wait->loop, error);
  if (wait->fetcher) return true;
  fetch_wait_close(wait);
  return error_set(error, ERROR_MEMORY, "out of memory");
}

void fetch_wait_close(struct fetch_wait *wait) {
  fetch_close(wait->fetcher);
  loop_free(wait->loop);
  *wait = (struct fetch_wait){0};
}

static void on_answer(const struct fetch_response *response, void *argument) {
  struct fetch_waiting *waiting = argument;
  struct fetch_answer *answer = waiting->answer;
  assert(!waiting->ended);
  waiting->ended = true;
  if (response->error) {
    waiting->error = *response->error;
    return;
  }
  answer->status = response->status;
  buffer_append_str(&answer->body, response->body);
  buffer_append_str(&answer->headers, response->headers);
  if (answer->body.failed || answer->headers.failed)
    error_set(&waiting->error, ERROR_MEMORY, "out of memory for an answer");
}

bool fetch_wait_exchange(struct fetch_wait *wait, const struct fetch_request *request,
                         struct fetch_answer *ret_answer, struct error *error) {
  struct fetch_waiting waiting = {.answer = ret_answer};
  *ret_answer = (struct fetch_answer){0};
  if (!fetch_start(wait->fetcher, request, on_answer, &waiting, error)) return false;
  loop_run_until(wait->loop, &waiting.ended);
  if (waiting.error.kind == ERROR_NONE) return true;
  if (error) *error = waiting.error;
  return false;
}

struct str fetch_wait_header(const struct fetch_answer *answer, struct str name) {
  return fetch_response_header(&(struct fetch_response){.headers = buffer_str(&answer->headers)},
                               name);
}

void fetch_wait_free_answer(struct fetch_answer *answer) {
  buffer_free(&answer->body);
  buffer_free(&answer->headers);
}
