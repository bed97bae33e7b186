/* person.c: a user as the items of the DynamoDB table name them. */
#include "lib/messages/dynamodb/person.h"

#include <stdio.h>
#include <stdlib.h>

void person_free(struct person *person) {
  free(person->display_name);
  free(person->handle);
  *person = (struct person){0};
}

static bool copy_text(struct str text, char **ret_copy) {
  if (!text.data) return true;
  *ret_copy = strndup(text.data, text.length);
  return *ret_copy != NULL;
}

bool person_set(struct person *person, const char *id, struct str display_name, struct str handle) {
  person_free(person);
  snprintf(person->id, sizeof(person->id), "%s", id);
  return copy_text(display_name, &person->display_name) && copy_text(handle, &person->handle);
}
