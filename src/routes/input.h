/* input.h: reading what clients send: fields of the body, and the list of rules that they break. */
#pragma once

#include "lib/http/http.h"

#include <assert.h>

enum { CODES_LIMIT = 8 };

/* Codes of broken rules, in the order in which they were found; NULL-terminated. */
struct codes {
  const char *list[CODES_LIMIT + 1];
  unsigned count;
};

static inline void codes_add(struct codes *codes, const char *code) {
  assert(codes->count < CODES_LIMIT);
  codes->list[codes->count++] = code;
}

/* True when the body has the field, of whatever type. */
bool input_has(const struct http_request *request, const char *field);

/* A text field of the body; empty when it is missing or of another type. */
struct str input_text(const struct http_request *request, const char *field);

/* Adds `blank` when the text is blank, `too_long` when it has more than `limit` code points. */
void input_check_text(struct codes *codes, struct str text, size_t limit, const char *blank,
                      const char *too_long);
