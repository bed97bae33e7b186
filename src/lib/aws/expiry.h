/* expiry.h: until when something is good, as AWS's services and tools write it. Inside of the room
 * only. */
#pragma once

#include "lib/base/str.h"

#include <stdint.h>

/* Reads "2023-05-20T23:44:59Z", with or without a fraction, which is dropped; instead of the Z also
 * "UTC" (old versions of the AWS CLI) or an offset ("+02:00"). False for anything else. */
bool expiry_parse(struct str text, int64_t *ret_unix_us);
