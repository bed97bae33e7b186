/* sync_state.h: reads and writes the sync's own objects in the bucket (see place.h). */
#pragma once

#include "lib/base/buffer.h"
#include "lib/sync/place.h"
#include "lib/sync/sync_session.h"

/* Reads the object `key` (of place.h; "" when the arena had no memory for it) into `body`;
 * `*ret_found` is false when there is no such object. An answer that was cut short (its ETag tells)
 * is asked for again. */
bool sync_state_get(const struct sync_session *session, const struct sync_place *place,
                    const char *key, size_t limit, struct buffer *body, bool *ret_found,
                    struct error *error);

/* False when the body of an answer does not have the checksum that its ETag is: it was cut short.
 */
bool sync_state_is_whole(const struct aws_response *response);

/* Writes the JSON text `body` as the object `key`, which no cache may keep. */
bool sync_state_put(const struct sync_session *session, const struct sync_place *place,
                    const char *key, struct str body, struct error *error);
