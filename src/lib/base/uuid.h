/* uuid.h: UUIDs (RFC 9562) as 16 bytes and as lower-case text. */
#pragma once

#include "lib/base/str.h"

enum { UUID_SIZE = 16, UUID_TEXT_LENGTH = 36 };

struct uuid {
  unsigned char bytes[UUID_SIZE];
};

/* Reads the 8-4-4-4-12 form, in either case and nothing around it; false for anything else. */
bool uuid_parse(struct str text, struct uuid *ret_uuid);

/* Writes the 36 characters of the lower-case form, without a NUL. */
void uuid_format(const unsigned char bytes[UUID_SIZE], char text[UUID_TEXT_LENGTH]);

/* A random (version 4) UUID from the kernel's generator. */
struct uuid uuid_random(void);
