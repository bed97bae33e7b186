/* person.h: a user as the items of the DynamoDB table name them. */
#pragma once

#include "lib/base/uuid.h"

enum { TABLE_ID_SIZE = UUID_TEXT_LENGTH + 1 }; /* a uuid's text and a NUL */

struct person {
  char id[TABLE_ID_SIZE];
  char *display_name, *handle; /* owned; NULL: unknown */
};

void person_free(struct person *person);

/* Copies; false when memory is out. A name whose data is NULL stays unknown. */
bool person_set(struct person *person, const char *id, struct str display_name, struct str handle);
