/* group_id.h: the uuid of the group of two users that have none yet. */
#pragma once

#include "lib/base/uuid.h"

/* The same for both users, whoever asks: two who write to each other for the first time at the same
 * moment make one group. A UUID of version 8 (RFC 9562, section 5.8) from a SHA-256 of both. False
 * when OpenSSL fails. */
bool group_id_derive(const struct uuid *a, const struct uuid *b, struct uuid *ret_group);
