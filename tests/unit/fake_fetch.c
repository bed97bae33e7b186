/* fake_fetch.c: requests and timers that the test answers. */
#include "fake_fetch.h"

#include "unit.h"

struct fake_request {
  char *url; /* owned */
  struct buffer body, headers;
  bool answered;
  fetch_done done;
  void *argument;
};

static struct fake_request requests[FAKE_REQUESTS_LIMIT];
static unsigned count;
static bool refusing;
static uv_timer_t *timer;
static uv_timer_cb timer_callback;
static uint64_t timer_ms;

uint64_t fake_now_ms = 1000000;

bool __wrap_fetch_start(struct fetcher *fetcher, const struct fetch_request *request,
                        fetch_done done, void *argument, struct error *error);
int __wrap_uv_timer_start(uv_timer_t *handle, uv_timer_cb callback, uint64_t timeout,
                          uint64_t repeat);
uint64_t __wrap_loop_now_ms(const struct loop *loop);

bool __wrap_fetch_start(struct fetcher *fetcher, const struct fetch_request *request,
                        fetch_done done, void *argument, struct error *error) {
  if (refusing) return error_set(error, ERROR_MEMORY, "out of memory");
  assert_true(count < FAKE_REQUESTS_LIMIT);
  assert_string_equal(request->method, "POST");
  struct fake_request *kept = &requests[count++];
  *kept = (struct fake_request){.url = strdup(request->url), .done = done, .argument = argument};
  buffer_append_str(&kept->body, request->body);
  for (size_t i = 0; i < request->header_count; i++) {
    buffer_append_str(&kept->headers, request->headers[i].name);
    buffer_append_text(&kept->headers, ": ");
    buffer_append_str(&kept->headers, request->headers[i].value);
    buffer_append_char(&kept->headers, '\n');
  }
  return true;
}

int __wrap_uv_timer_start(uv_timer_t *handle, uv_timer_cb callback, uint64_t timeout,
                          uint64_t repeat) {
  assert_int_equal(repeat, 0);
  timer = handle;
  timer_callback = callback;
  timer_ms = timeout;
  return 0;
}

uint64_t __wrap_loop_now_ms(const struct loop *loop) {
  return fake_now_ms;
}

void fake_fetch_begin(void) {
  for (unsigned i = 0; i < count; i++) {
    assert_true(requests[i].answered);
    free(requests[i].url);
    buffer_free(&requests[i].body);
    buffer_free(&requests[i].headers);
  }
  count = 0;
  refusing = false;
  timer = NULL;
}

unsigned fake_fetch_count(void) {
  return count;
}

static struct fake_request *request_at(unsigned index) {
  assert_true(index < count);
  return &requests[index];
}

const char *fake_fetch_body(unsigned index) {
  return buffer_text(&request_at(index)->body);
}

const char *fake_fetch_url(unsigned index) {
  return request_at(index)->url;
}

const char *fake_fetch_headers(unsigned index) {
  return buffer_text(&request_at(index)->headers);
}

void fake_fetch_answer(unsigned index, int status) {
  struct fake_request *request = request_at(index);
  struct error error = {ERROR_UNAVAILABLE, "no answer"};
  struct fetch_response response = {.status = status, .error = status ? NULL : &error};
  assert_false(request->answered);
  request->answered = true;
  request->done(&response, request->argument);
}

void fake_fetch_answer_rest(int status) {
  for (unsigned i = 0; i < count; i++)
    if (!requests[i].answered) fake_fetch_answer(i, status);
}

void fake_fetch_refuse(bool refuse) {
  refusing = refuse;
}

uint64_t fake_timer_ms(void) {
  return timer ? timer_ms : 0;
}

void fake_timer_fire(void) {
  uv_timer_t *fired = timer;
  assert_non_null(fired);
  timer = NULL;
  timer_callback(fired);
}
