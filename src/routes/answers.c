/* answers.c: see answers.h. */
#include "routes/answers.h"

#include "routes/context.h"

#include "lib/base/log.h"

struct pg_batch *answer_batch(struct http_request *request) {
  struct pg_batch *batch = pg_batch_new(route_context(request)->pool);
  pg_batch_trace(batch, http_request_trace(request));
  return batch;
}

bool outcome_is_done(struct http_request *request, enum pg_outcome outcome,
                     const struct error *error) {
  switch (outcome) {
  case PG_DONE: return true;
  case PG_UNAVAILABLE:
    log_event(LOG_LEVEL_WARNING, "postgres unavailable",
              log_str("request_id", http_request_id(request)), log_text("reason", error->message),
              LOG_END);
    http_answer_unavailable(request);
    return false;
  case PG_FAILED: http_answer_internal_error(request, error->message); return false;
  }
  return false;
}

void answer_row(struct http_request *request, const struct pg_result *result) {
  struct buffer body = BUFFER_EMPTY;
  pg_result_append_object(result, 0, &body);
  http_answer_json(request, HTTP_OK, &body);
}

void answer_row_or(struct http_request *request, const struct pg_result *result,
                   enum http_status status, const char *code) {
  if (pg_result_rows(result) > 0)
    answer_row(request, result);
  else
    http_answer_error(request, status, code);
}
