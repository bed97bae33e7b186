/* answers.c: answers that the resources share: from an outcome of Postgres, from a row. */
#include "routes/answers.h"

#include "lib/base/log.h"

bool answers_failure(struct http_request *request, enum pg_outcome outcome,
                     const struct error *error) {
  switch (outcome) {
  case PG_DONE: return false;
  case PG_UNAVAILABLE:
    log_event(LOG_LEVEL_WARNING, "postgres unavailable",
              log_str("request_id", http_request_id(request)), log_text("reason", error->message),
              LOG_END);
    http_answer_unavailable(request);
    break;
  case PG_FAILED: http_answer_internal_error(request, error->message); break;
  }
  return true;
}

void answers_row(struct http_request *request, const struct pg_result *result) {
  struct buffer body = BUFFER_EMPTY;
  pg_result_append_object(result, 0, &body);
  http_answer_json(request, HTTP_OK, &body);
}

void answers_row_or(struct http_request *request, const struct pg_result *result,
                    enum http_status status, const char *code) {
  if (pg_result_rows(result) > 0)
    answers_row(request, result);
  else
    http_answer_error(request, status, code);
}
