/* target.h: the target of a request line (RFC 9112, section 3.2), which proxies may send in
 * absolute form. Inside of the room only. */
#pragma once

#include "lib/base/str.h"

/* Path and query of a target. One in absolute form, "http://api.test/path?query", loses its scheme
 * and authority: which host is meant changes no answer. Both are slices of `text`, or constant. */
struct target {
  struct str path, query;
  bool is_server; /* "*": the server as a whole */
};

/* Splits a target as it came. False when it has a blank or a control character, which would end it
 * for somebody else; it is split all the same. */
bool target_split(struct str text, struct target *ret_target);
