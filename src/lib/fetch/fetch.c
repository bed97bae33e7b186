/* fetch.c: curl's multi interface on the loop: curl says which sockets it waits for and for how
 * long; libuv waits.
 *
 * An exchange is under way from fetch_start() until its `done` was called. A fetcher that closes
 * ends all of them at once, and frees itself when the last of its handles is closed. */
#include "lib/fetch/fetch.h"

#include "lib/fetch/exchange.h"
#include "lib/fetch/route.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  EXCHANGES_LIMIT = 1024, /* under way at once; callers have limits of their own far below */
  IDLE_CONNECTIONS = 16,  /* kept beside those in use */
};

struct fetcher {
  struct loop *loop;
  CURLM *multi;
  uv_timer_t timer;
  struct loop_task refuse_task;
  struct list exchanges; /* under way */
  struct list refused;   /* end at the end of the turn */
  struct list watches;
  size_t exchange_count;
  size_t handle_count; /* libuv handles that are not closed yet */
  char *ca_bundle;     /* NULL: the system's certificates */
  bool closing;
};

/* A socket of curl's that the loop waits for, by a descriptor of our own: curl's may be closed, and
 * its number be another file's, before curl says that the waiting is over. */
struct fetch_watch {
  struct list node;
  uv_poll_t poll;
  struct fetcher *fetcher;
  curl_socket_t socket; /* curl's */
  int own;
  int events; /* that curl waits for */
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_started = CURLE_FAILED_INIT;

static void start_curl(void) {
  curl_started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void forget_handle(struct fetcher *fetcher) {
  assert(fetcher->handle_count > 0);
  fetcher->handle_count--;
  if (!fetcher->closing || fetcher->handle_count > 0) return;
  free(fetcher->ca_bundle);
  free(fetcher);
}

static void on_timer_closed(uv_handle_t *handle) {
  forget_handle(handle->data);
}

static void on_watch_closed(uv_handle_t *handle) {
  struct fetch_watch *watch = handle->data;
  forget_handle(watch->fetcher);
  close(watch->own);
  free(watch);
}

/* Curl's limit counts connections in use as well. With a fixed one, many exchanges at once would
 * close each connection that they are done with, and open another for the next exchange. */
static void count_exchanges(struct fetcher *fetcher, size_t count) {
  fetcher->exchange_count = count;
  curl_multi_setopt(fetcher->multi, CURLMOPT_MAXCONNECTS, (long)count + IDLE_CONNECTIONS);
}

static void finish(struct fetcher *fetcher, struct fetch_exchange *exchange, CURLcode code) {
  assert(fetcher->exchange_count > 0);
  list_remove(&exchange->node);
  count_exchanges(fetcher, fetcher->exchange_count - 1);
  exchange_finish(exchange, code);
}

/* Reports what ended. A `done` may start more, or close the fetcher: then the multi handle is gone.
 */
static void report_ended(struct fetcher *fetcher) {
  while (!fetcher->closing) {
    int left = 0;
    CURLMsg *message = curl_multi_info_read(fetcher->multi, &left);
    if (!message) return;
    if (message->msg != CURLMSG_DONE) continue;
    CURLcode code = message->data.result; /* the message is gone after the removal */
    CURL *easy = message->easy_handle;
    struct fetch_exchange *exchange = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&exchange);
    curl_multi_remove_handle(fetcher->multi, easy);
    finish(fetcher, exchange, code);
  }
}

static void drive(struct fetcher *fetcher, curl_socket_t socket, int events) {
  if (fetcher->closing) return;
  int running = 0;
  curl_multi_socket_action(fetcher->multi, socket, events, &running);
  report_ended(fetcher);
}

static void on_timer(uv_timer_t *timer) {
  drive(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* A reset may follow a complete answer that is still unread. So after an error curl reads too: it
 * gets the answer first, and then the error, if it wants more. Libuv stops a handle that had an
 * error, though what is to be read may take curl several turns. */
static void on_socket(uv_poll_t *poll, int status, int events) {
  struct fetch_watch *watch = poll->data;
  int flags = 0;
  if (status < 0) {
    flags = CURL_CSELECT_IN | CURL_CSELECT_OUT;
    uv_poll_start(poll, watch->events, on_socket);
  }
  if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
  drive(watch->fetcher, watch->socket, flags);
}

static int curl_wants_timer(CURLM *multi, long timeout_ms, void *argument) {
  (void)multi;
  struct fetcher *fetcher = argument;
  if (uv_is_closing((uv_handle_t *)&fetcher->timer)) return 0;
  if (timeout_ms < 0)
    uv_timer_stop(&fetcher->timer);
  else
    uv_timer_start(&fetcher->timer, on_timer, (uint64_t)timeout_ms, 0);
  return 0;
}

static struct fetch_watch *watch_new(struct fetcher *fetcher, curl_socket_t socket) {
  struct fetch_watch *watch = calloc(1, sizeof(*watch));
  if (!watch) return NULL;
  watch->own = fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (watch->own < 0 ||
      uv_poll_init_socket(loop_uv(fetcher->loop), &watch->poll, watch->own) != 0) {
    if (watch->own >= 0) close(watch->own);
    free(watch);
    return NULL;
  }
  watch->fetcher = fetcher;
  watch->socket = socket;
  watch->poll.data = watch;
  fetcher->handle_count++;
  list_append(&fetcher->watches, &watch->node);
  return watch;
}

static struct fetch_watch *find_watch(const struct fetcher *fetcher, curl_socket_t socket) {
  for (struct list *node = fetcher->watches.next; node != &fetcher->watches; node = node->next) {
    struct fetch_watch *watch = LIST_ENTRY(node, struct fetch_watch, node);
    if (watch->socket == socket) return watch;
  }
  return NULL;
}

static void end_watch(struct fetch_watch *watch) {
  if (!watch) return;
  list_remove(&watch->node);
  uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

/* Curl's own default, but for a descriptor that was another socket's: curl 7.88 closes a connection
 * that it gives up while connecting before it says that nobody need wait for it. */
static curl_socket_t open_socket(void *argument, curlsocktype purpose,
                                 struct curl_sockaddr *address) {
  (void)purpose;
  curl_socket_t opened =
      socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (opened != CURL_SOCKET_BAD) end_watch(find_watch(argument, opened));
  return opened;
}

/* Out of memory is not told to curl, which would give up every exchange: this one's timeout ends
 * it. */
static int curl_wants_socket(CURL *easy, curl_socket_t socket, int what, void *argument,
                             void *socket_data) {
  (void)easy;
  (void)socket_data;
  struct fetcher *fetcher = argument;
  struct fetch_watch *watch = find_watch(fetcher, socket);
  if (what == CURL_POLL_REMOVE) {
    end_watch(watch);
    return 0;
  }
  if (!watch) watch = watch_new(fetcher, socket);
  if (!watch) return 0;
  watch->events = 0;
  if (what & CURL_POLL_IN) watch->events |= UV_READABLE;
  if (what & CURL_POLL_OUT) watch->events |= UV_WRITABLE;
  uv_poll_start(&watch->poll, watch->events, on_socket);
  return 0;
}

static void end_refused(struct loop_task *task) {
  struct fetcher *fetcher =
      (struct fetcher *)(void *)((char *)task - offsetof(struct fetcher, refuse_task));
  while (!fetcher->closing && !list_empty(&fetcher->refused))
    finish(fetcher, LIST_ENTRY(fetcher->refused.next, struct fetch_exchange, node), CURLE_OK);
}

struct fetcher *fetch_open(struct loop *loop, struct error *error) {
  pthread_once(&curl_once, start_curl);
  struct fetcher *fetcher = calloc(1, sizeof(*fetcher));
  CURLM *multi = curl_started == CURLE_OK ? curl_multi_init() : NULL;
  if (!fetcher || !multi) {
    curl_multi_cleanup(multi);
    free(fetcher);
    error_set(error, ERROR_MEMORY, "outgoing HTTP cannot start: out of memory");
    return NULL;
  }
  fetcher->loop = loop;
  fetcher->multi = multi;
  const char *trusted = getenv("SSL_CERT_FILE"); /* as curl's own program does */
  fetch_trust(fetcher, trusted && *trusted ? trusted : NULL);
  list_init(&fetcher->exchanges);
  list_init(&fetcher->refused);
  list_init(&fetcher->watches);
  loop_task_init(&fetcher->refuse_task, end_refused);
  uv_timer_init(loop_uv(loop), &fetcher->timer);
  fetcher->timer.data = fetcher;
  fetcher->handle_count = 1;
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, curl_wants_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, fetcher);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, curl_wants_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, fetcher);
  count_exchanges(fetcher, 0);
  return fetcher;
}

void fetch_trust(struct fetcher *fetcher, const char *ca_bundle) {
  char *copy = ca_bundle ? strdup(ca_bundle) : NULL;
  if (!copy) return;
  free(fetcher->ca_bundle);
  fetcher->ca_bundle = copy;
}

bool fetch_start(struct fetcher *fetcher, const struct fetch_request *request, fetch_done done,
                 void *argument, struct error *error) {
  assert(done);
  if (fetcher->closing) return error_set(error, ERROR_UNAVAILABLE, "the program ends");
  if (fetcher->exchange_count == EXCHANGES_LIMIT)
    return error_set(error, ERROR_UNAVAILABLE, "%d outgoing requests are under way already",
                     EXCHANGES_LIMIT);
  struct fetch_exchange *exchange = exchange_new(request, done, argument);
  if (!exchange) return error_set(error, ERROR_MEMORY, "out of memory");
  curl_easy_setopt(exchange->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(exchange->easy, CURLOPT_OPENSOCKETDATA, fetcher);
  if (route_set(exchange->easy, request->url, fetcher->ca_bundle) != CURLE_OK) {
    exchange_free(exchange);
    return error_set(error, ERROR_MEMORY, "out of memory");
  }
  if (exchange->refused) {
    list_append(&fetcher->refused, &exchange->node);
    loop_at_end_of_turn(fetcher->loop, &fetcher->refuse_task);
  } else if (curl_multi_add_handle(fetcher->multi, exchange->easy) == CURLM_OK) {
    list_append(&fetcher->exchanges, &exchange->node);
  } else {
    exchange_free(exchange);
    return error_set(error, ERROR_MEMORY, "out of memory");
  }
  count_exchanges(fetcher, fetcher->exchange_count + 1);
  return true;
}

static void abandon_all(struct fetcher *fetcher) {
  struct list *node;
  while ((node = list_pop(&fetcher->exchanges))) {
    struct fetch_exchange *exchange = LIST_ENTRY(node, struct fetch_exchange, node);
    curl_multi_remove_handle(fetcher->multi, exchange->easy);
    exchange_abandon(exchange);
  }
  while ((node = list_pop(&fetcher->refused)))
    exchange_abandon(LIST_ENTRY(node, struct fetch_exchange, node));
}

void fetch_close(struct fetcher *fetcher) {
  if (!fetcher || fetcher->closing) return;
  fetcher->closing = true;
  loop_task_cancel(&fetcher->refuse_task);
  abandon_all(fetcher);
  curl_multi_cleanup(fetcher->multi);
  while (!list_empty(&fetcher->watches))
    end_watch(LIST_ENTRY(fetcher->watches.next, struct fetch_watch, node));
  uv_close((uv_handle_t *)&fetcher->timer, on_timer_closed);
}

const struct tally *fetch_failures(void) {
  return &exchange_failures;
}

/* --- What an answer says --- */

struct str fetch_response_header(const struct fetch_response *response, struct str name) {
  struct str rest = response->headers, line;
  while (str_next(&rest, '\n', &line)) {
    const char *colon = line.length > 0 ? memchr(line.data, ':', line.length) : NULL;
    if (!colon) continue;
    size_t length = (size_t)(colon - line.data);
    if (!str_equal_ignore_case((struct str){line.data, length}, name)) continue;
    struct str value = {colon + 1, line.length - length - 1};
    if (value.length > 0 && value.data[value.length - 1] == '\r') value.length--;
    return str_trim(value);
  }
  return (struct str){NULL, 0};
}
