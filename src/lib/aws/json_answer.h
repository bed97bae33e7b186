/* json_answer.h: whether an answer came as the service sent it, and its output as JSON. Inside of
 * the room only. */
#pragma once

#include "lib/aws/aws_try.h"

#include <jansson.h>

/* Checks the checksum that DynamoDB sends with each answer and, where the request was one of a
 * JSON service and did well, reads the output, an object and the caller's (NULL otherwise). False
 * with an error of kind UNAVAILABLE when the answer was damaged on its way: what became of the
 * request is then as uncertain as without an answer. */
bool json_answer_read(const struct aws_prepared *prepared, const struct fetch_response *answer,
                      json_t **ret_output, struct error *error);
