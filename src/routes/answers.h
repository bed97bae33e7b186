/* answers.h: answers that the resources share: from an outcome of Postgres, from a row. */
#pragma once

#include "lib/http/http.h"
#include "lib/pg/pool.h"

/* Answers 503 or 500 when the batch was not done, and logs why. Returns true when it answered. */
bool answers_failure(struct http_request *request, enum pg_outcome outcome,
                     const struct error *error);

/* Answers 200 with the first row as an object. */
void answers_row(struct http_request *request, const struct pg_result *result);

/* The same, or an error when there is no row. */
void answers_row_or(struct http_request *request, const struct pg_result *result,
                    enum http_status status, const char *code);
