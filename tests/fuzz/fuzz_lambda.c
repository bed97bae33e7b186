/* fuzz_lambda.c: an invocation as Lambda's runtime API gives it: a line of headers (a tab between
 * two), then the event. The linker puts functions of ours in the place of the exchange and of the
 * wait for it (--wrap). */
#include "fuzz.h"

#include "lib/base/cleanup.h"
#include "lib/fetch/fetch.h"
#include "lib/lambda/lambda_runtime.h"
#include "lib/loop/loop.h"

static struct str head, event;

bool __wrap_fetch_start(struct fetcher *fetcher, const struct fetch_request *request,
                        fetch_done done, void *argument, struct error *error);
void __wrap_loop_run_until(struct loop *loop, const bool *done);

static bool ends_in(const char *text, const char *end) {
  return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

/* The event goes back as it came; its request's id is part of the URL, and no more than that. */
bool __wrap_fetch_start(struct fetcher *fetcher, const struct fetch_request *request,
                        fetch_done done, void *argument, struct error *error) {
  static const char PREFIX[] = "http://api/2018-06-01/runtime/invocation/";
  (void)fetcher, (void)error;
  bool next = ends_in(request->url, "/invocation/next") && !request->method;
  assert(strncmp(request->url, PREFIX, strlen(PREFIX)) == 0);
  for (const char *at = request->url; *at; at++)
    assert(*at > ' ' && *at <= '~' && *at != '?' && *at != '#');
  if (!next) {
    assert(ends_in(request->url, "/response") && str_equal(request->body, event));
    const char *id = request->url + strlen(PREFIX);
    assert(strchr(id, '/') == strrchr(id, '/'));
  }
  done(&(struct fetch_response){.status = next ? 200 : 202,
                                .headers = next ? head : (struct str){"", 0},
                                .body = next ? event : (struct str){"", 0}},
       argument);
  return true;
}

void __wrap_loop_run_until(struct loop *loop, const bool *done) {
  (void)loop;
  assert(*done);
}

static void on_invocation(const struct lambda_runtime_invocation *invocation, void *argument) {
  (void)argument;
  assert(invocation->request_id.length > 0 && str_equal(invocation->event, event));
  assert(invocation->deadline_ms >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct lambda_runtime *lambda;
  struct error error = {0};
  if (!lambda) assert(lambda_runtime_open("api", &lambda, &error));
  event = fuzz_text(data, size);
  struct str line = fuzz_cut(&event, '\n');
  _cleanup_free_ char *headers = malloc(line.length + 1);
  for (size_t i = 0; i < line.length; i++)
    headers[i] = (char)(line.data[i] == '\t' ? '\n' : line.data[i]);
  head = (struct str){headers, line.length};
  if (!lambda_runtime_serve_one(lambda, on_invocation, NULL, &error))
    assert(error.kind == ERROR_INTERNAL);
  return 0;
}
