/* secret.c: see secret.h. */
#include "lib/aws/secret.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

char *secret_copy(struct str text) {
  return strndup(text.data ? text.data : "", text.length);
}

void secret_free(char *secret) {
  if (secret) explicit_bzero(secret, strlen(secret));
  free(secret);
}

void secret_buffer_free(struct buffer *buffer) {
  if (buffer->data) explicit_bzero(buffer->data, buffer->capacity);
  buffer_free(buffer);
}

static void wipe_texts(json_t *object, unsigned depth) {
  const char *name;
  json_t *value;
  json_object_foreach(object, name, value) {
    if (json_is_object(value) && depth > 0) wipe_texts(value, depth - 1);
    /* Jansson's texts are the heap's, and this is their only holder. */
    if (json_is_string(value))
      explicit_bzero((void *)(uintptr_t)json_string_value(value), json_string_length(value));
  }
}

void secret_json_free(json_t *object) {
  if (!object) return;
  wipe_texts(object, 1);
  json_decref(object);
}
