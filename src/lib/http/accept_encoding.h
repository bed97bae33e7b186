/* accept_encoding.h: which codings of a body a client takes (RFC 9110, section 12.5.3). */
#pragma once

#include "lib/base/str.h"

/* What the fields of Accept-Encoding said so far: weights in thousandths, -1 where unnamed. */
struct accept_encoding {
  int gzip, identity, any;
};

#define ACCEPT_ENCODING_NONE ((struct accept_encoding){-1, -1, -1})

/* Reads one more field. An element whose weight is malformed counts as refused. */
void accept_encoding_read(struct accept_encoding *accepted, struct str field);

/* True when gzip is taken, and is not wanted less than no coding. */
bool accept_encoding_takes_gzip(const struct accept_encoding *accepted);
