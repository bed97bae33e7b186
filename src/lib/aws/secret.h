/* secret.h: what held a secret is wiped before its memory goes back. Inside of the room only. */
#pragma once

#include "lib/base/buffer.h"

#include <jansson.h>

/* A copy that ends with a NUL; NULL when memory is out. Not every text that is copied by it is a
 * secret. */
char *secret_copy(struct str text);

/* Wipes and frees a text; takes NULL. */
void secret_free(char *secret);

/* Wipes and empties a buffer. */
void secret_buffer_free(struct buffer *buffer);

/* Wipes the texts of a JSON object, and of the objects right in it, and lets go of it; takes NULL.
 */
void secret_json_free(json_t *object);
