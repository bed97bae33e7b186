/* exchange.c: one outgoing exchange, from a request to what curl is told, and from what curl says
 * to an answer or an error. A request that cannot be sent becomes an exchange that ends with the
 * reason. It is freed right after its `done` was called, once. */
#include "lib/fetch/exchange.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  RESPONSE_HEADERS_LIMIT = 64 * 1024, /* curl 7.88 bounds a header line, not their sum */
  LABEL_LENGTH_LIMIT = 300,
};

/* Curl shows the heads of interim answers (100 Continue) as well: each status line starts again. */
static void keep_header(struct fetch_exchange *exchange, struct str line) {
  if (str_starts_with(line, STR("HTTP/"))) exchange->head.length = 0;
  buffer_append_str(&exchange->head, line);
}

static size_t on_header(char *data, size_t size, size_t count, void *argument) {
  struct fetch_exchange *exchange = argument;
  exchange->header_bytes += size * count;
  if (exchange->header_bytes > RESPONSE_HEADERS_LIMIT) {
    exchange->over_limit = true;
    return 0;
  }
  if (exchange->keep_headers) keep_header(exchange, (struct str){data, size * count});
  return exchange->head.failed ? 0 : size * count;
}

static size_t on_body(char *data, size_t size, size_t count, void *argument) {
  struct fetch_exchange *exchange = argument;
  size_t length = size * count;
  assert(exchange->body.length <= exchange->response_limit);
  if (length > exchange->response_limit - exchange->body.length) {
    exchange->over_limit = true;
    return 0;
  }
  buffer_append(&exchange->body, data, length);
  return exchange->body.failed ? 0 : length;
}

/* The URL as people may read it in a log: credentials stand in the userinfo, and tokens in queries.
 */
static char *label_of(const char *url) {
  CURLU *parts = curl_url();
  char *text = NULL;
  char *label = NULL;
  if (parts && curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
    curl_url_set(parts, CURLUPART_USER, NULL, 0);
    curl_url_set(parts, CURLUPART_PASSWORD, NULL, 0);
    curl_url_set(parts, CURLUPART_OPTIONS, NULL, 0);
    curl_url_set(parts, CURLUPART_QUERY, NULL, 0);
    curl_url_set(parts, CURLUPART_FRAGMENT, NULL, 0);
    if (curl_url_get(parts, CURLUPART_URL, &text, 0) == CURLUE_OK)
      label = strndup(text, LABEL_LENGTH_LIMIT);
    curl_free(text);
  } else if (parts) {
    label = strdup("a malformed URL");
  }
  curl_url_cleanup(parts);
  return label;
}

static bool has_line_break(struct str text) {
  for (size_t i = 0; i < text.length; i++)
    if (text.data[i] == '\r' || text.data[i] == '\n' || text.data[i] == '\0') return true;
  return false;
}

static bool append_line(struct fetch_exchange *exchange, const char *line) {
  struct curl_slist *list = curl_slist_append(exchange->headers, line);
  if (!list) return false;
  exchange->headers = list;
  return true;
}

static bool append_header(struct fetch_exchange *exchange, const struct fetch_header *header) {
  if (header->name.length == 0 || has_line_break(header->name) || has_line_break(header->value)) {
    exchange->refused = true;
    snprintf(exchange->reason, sizeof(exchange->reason), "a request header has a line break in it");
    return true;
  }
  struct buffer line = BUFFER_EMPTY;
  buffer_append_str(&line, header->name);
  if (header->value.length == 0) {
    buffer_append_char(&line, ';'); /* how curl wants a header without a value */
  } else {
    buffer_append_text(&line, ": ");
    buffer_append_str(&line, header->value);
  }
  bool appended = append_line(exchange, buffer_text(&line)) && !line.failed;
  buffer_free(&line);
  return appended;
}

static bool append_trace(struct fetch_exchange *exchange, const struct trace_context *trace) {
  if (!trace) return true;
  char parent[TRACEPARENT_SIZE], xray[XRAY_HEADER_SIZE];
  trace_format_traceparent(trace, parent);
  trace_format_xray(trace, xray);
  const struct fetch_header headers[] = {{STR("traceparent"), str_from(parent)},
                                         {STR("X-Amzn-Trace-Id"), str_from(xray)},
                                         {STR("tracestate"), trace->state}};
  size_t count = trace->state.length > 0 ? 3 : 2;
  for (size_t i = 0; i < count; i++)
    if (!append_header(exchange, &headers[i])) return false;
  return true;
}

static bool append_headers(struct fetch_exchange *exchange, const struct fetch_request *request) {
  bool has_content_type = false;
  for (size_t i = 0; i < request->header_count; i++) {
    if (!append_header(exchange, &request->headers[i])) return false;
    if (str_equal_ignore_case(request->headers[i].name, STR("Content-Type")))
      has_content_type = true;
  }
  /* Nothing goes out that the caller did not ask for: a signature covers what is sent. */
  if (!has_content_type && !append_line(exchange, "Content-Type:")) return false;
  return append_line(exchange, "Expect:") && append_trace(exchange, request->trace);
}

static CURLcode set_method(CURL *easy, const struct fetch_request *request) {
  const char *method = request->method ? request->method : "GET";
  bool has_body = request->body.length > 0;
  bool expects_body = strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0;
  if (strcmp(method, "HEAD") == 0) return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  if (!has_body && strcmp(method, "GET") == 0) return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
  if (has_body || expects_body) {
    CURLcode code =
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.length);
    if (code == CURLE_OK)
      code = curl_easy_setopt(easy,
                              request->body_borrowed ? CURLOPT_POSTFIELDS : CURLOPT_COPYPOSTFIELDS,
                              has_body ? request->body.data : "");
    if (code != CURLE_OK) return code;
  }
  return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static CURLcode set_bounds(CURL *easy, struct fetch_exchange *exchange, bool allow_file) {
  long timeout_ms = exchange->timeout_ms > INT_MAX ? INT_MAX : (long)exchange->timeout_ms;
  if (timeout_ms == 0) timeout_ms = 1; /* curl takes 0 for "never" */
  CURLcode code = curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
  if (code == CURLE_OK)
    code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
                            allow_file ? "http,https,file" : "http,https");
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  /* A signature covers the path as it was given, "/../" and all. */
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  /* Without it curl joins the resolver's thread when an exchange ends early, and the loop waits for
   * DNS. */
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  return code;
}

static CURLcode set_callbacks(CURL *easy, struct fetch_exchange *exchange) {
  CURLcode code = curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->reason);
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
  return code;
}

static bool set_options(struct fetch_exchange *exchange, const struct fetch_request *request) {
  CURL *easy = exchange->easy;
  CURLcode code = set_callbacks(easy, exchange);
  if (code == CURLE_OK) code = set_bounds(easy, exchange, request->allow_file);
  if (code == CURLE_OK) code = set_method(easy, request);
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_URL, request->url);
  if (code == CURLE_OK)
    code = curl_easy_setopt(easy, CURLOPT_USERAGENT, "cruddur/" CRUDDUR_VERSION);
  if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers);
  if (code == CURLE_OK && request->sent_once)
    code = curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  if (code == CURLE_OUT_OF_MEMORY) return false;
  if (code != CURLE_OK && !exchange->refused) {
    exchange->refused = true;
    snprintf(exchange->reason, sizeof(exchange->reason), "%s", curl_easy_strerror(code));
  }
  return true;
}

struct fetch_exchange *exchange_new(const struct fetch_request *request, fetch_done done,
                                    void *argument) {
  struct fetch_exchange *exchange = calloc(1, sizeof(*exchange));
  if (!exchange) return NULL;
  list_init(&exchange->node);
  exchange->body.secret = true; /* credentials come this way */
  exchange->done = done;
  exchange->argument = argument;
  exchange->timeout_ms = request->timeout_ms;
  exchange->service = request->service ? request->service : "other";
  exchange->response_limit = request->response_limit;
  exchange->keep_headers = request->keep_headers;
  exchange->is_file = strncasecmp(request->url, "file:", 5) == 0;
  exchange->label = label_of(request->url);
  exchange->easy = curl_easy_init();
  if (!exchange->label || !exchange->easy || !append_headers(exchange, request) ||
      !set_options(exchange, request)) {
    exchange_free(exchange);
    return NULL;
  }
  return exchange;
}

/* A URL that curl would not even try; what is no HTTP at the other end has the same code. */
static bool is_bad_url(const struct fetch_exchange *exchange, CURLcode code) {
  const char *address = NULL;
  curl_easy_getinfo(exchange->easy, CURLINFO_PRIMARY_IP, &address);
  bool connected = address && *address;
  return code == CURLE_URL_MALFORMAT || (code == CURLE_UNSUPPORTED_PROTOCOL && !connected);
}

static void describe_failure(const struct fetch_exchange *exchange, CURLcode code,
                             struct error *error) {
  const char *reason = exchange->reason[0] ? exchange->reason : curl_easy_strerror(code);
  if (exchange->over_limit) {
    error_set(error, ERROR_MEMORY, "the answer is longer than the %zu bytes allowed",
              exchange->header_bytes > RESPONSE_HEADERS_LIMIT ? (size_t)RESPONSE_HEADERS_LIMIT
                                                              : exchange->response_limit);
  } else if (exchange->refused) {
    error_set(error, ERROR_INVALID, "%s", reason);
  } else if (code == CURLE_OPERATION_TIMEDOUT) {
    error_set(error, ERROR_UNAVAILABLE, "no complete answer within %llu ms",
              (unsigned long long)exchange->timeout_ms);
  } else if (is_bad_url(exchange, code)) {
    error_set(error, ERROR_INVALID, "%s", reason);
  } else if (code == CURLE_FILE_COULDNT_READ_FILE) {
    error_set(error, ERROR_NOT_FOUND, "the file cannot be read");
  } else if (code == CURLE_OUT_OF_MEMORY || exchange->body.failed || exchange->head.failed) {
    error_set(error, ERROR_MEMORY, "out of memory");
  } else {
    error_set(error, ERROR_UNAVAILABLE, "%s", reason);
  }
  error_prefix(error, "%s", exchange->label);
}

struct tally exchange_failures;

/* What a service answers to a bad request is an answer. A service that refuses us, or is sick, has
 * failed. */
static bool has_failed(const struct fetch_response *response) {
  int status = response->status;
  return response->error || status >= 500 || status == 429 || status == 401 || status == 403;
}

void exchange_finish(struct fetch_exchange *exchange, CURLcode code) {
  struct fetch_response response = {0};
  struct error error = {0};
  if (code == CURLE_OK && !exchange->refused) {
    long status = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    response.status = exchange->is_file ? 200 : (int)status;
    response.body = buffer_str(&exchange->body);
    response.headers = buffer_str(&exchange->head);
  } else {
    describe_failure(exchange, code, &error);
    response.error = &error;
  }
  if (has_failed(&response)) tally_count(&exchange_failures, exchange->service);
  assert(list_empty(&exchange->node) && "it was taken off its list");
  exchange->done(&response, exchange->argument);
  exchange_free(exchange);
}

void exchange_abandon(struct fetch_exchange *exchange) {
  struct error error = {0};
  error_set(&error, ERROR_UNAVAILABLE, "%s: given up because the program ends", exchange->label);
  struct fetch_response response = {.error = &error};
  exchange->done(&response, exchange->argument);
  exchange_free(exchange);
}

void exchange_free(struct fetch_exchange *exchange) {
  if (!exchange) return;
  curl_easy_cleanup(exchange->easy);
  curl_slist_free_all(exchange->headers);
  buffer_free(&exchange->body);
  buffer_free(&exchange->head);
  free(exchange->label);
  free(exchange);
}
