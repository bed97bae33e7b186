/* answers.h: answers that the resources share: from an outcome of Postgres, from a row. */
#pragma once

#include "lib/http/http.h"
#include "lib/pg/pool.h"

/* A new batch for a request, on its loop's pool and in its trace. */
struct pg_batch *answer_batch(struct http_request *request);

/* True when the batch is done. Otherwise answers 503 or 500 and logs the reason. */
bool outcome_is_done(struct http_request *request, enum pg_outcome outcome,
                     const struct error *error);

/* Answers 200 with the first row as an object. */
void answer_row(struct http_request *request, const struct pg_result *result);

/* The same, or an error when there is no row. */
void answer_row_or(struct http_request *request, const struct pg_result *result,
                   enum http_status status, const char *code);
