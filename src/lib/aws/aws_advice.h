/* aws_advice.h: what a person can do about an answer that is an error. Inside of the room only. */
#pragma once

#include "lib/aws/aws_try.h"

/* Adds to `error`, which was read from the answer, what is missing and where to look: the right and
 * the object, where the keys came from, how far the clock is off, that a proxy answered. `code` is
 * the service's, `credentials` those that the request was signed with (NULL: none). The kind is
 * changed where the answer is not AWS's own. */
void aws_advice_add(const struct aws_prepared *prepared, const struct aws_credentials *credentials,
                    const struct fetch_response *answer, const char *code, struct error *error);
