/* json_answer.c: see json_answer.h. A 2xx answer proves little: a proxy may have written it, or cut
 * it where no length was announced. */
#include "lib/aws/json_answer.h"

#include <zlib.h>

static bool has_its_checksum(const struct fetch_response *answer) {
  uint64_t announced;
  struct str text = fetch_response_header(answer, STR("x-amz-crc32"));
  if (!text.data || !str_to_u64(text, 0, UINT32_MAX, &announced)) return true;
  const unsigned char *body = (const unsigned char *)answer->body.data;
  return crc32_z(crc32_z(0, NULL, 0), body ? body : (const unsigned char *)"",
                 answer->body.length) == announced;
}

bool json_answer_read(const struct aws_prepared *prepared, const struct fetch_response *answer,
                      json_t **ret_output, struct error *error) {
  const struct str body = answer->body;
  if (!has_its_checksum(answer))
    return error_set(error, ERROR_UNAVAILABLE,
                     "%s: the answer does not match its checksum, so it was damaged on its way",
                     prepared->what);
  *ret_output = NULL;
  if (!prepared->service->target_prefix || answer->status / 100 != 2) return true;
  /* Attributes of DynamoDB's items may hold U+0000; elsewhere it would cut a text short. */
  size_t flags = prepared->service == endpoint_service(AWS_DYNAMODB) ? JSON_ALLOW_NUL : 0;
  json_t *output = json_loadb(body.data ? body.data : "", body.length, flags, NULL);
  if (json_is_object(output)) {
    *ret_output = output;
    return true;
  }
  json_decref(output);
  return error_set(error, ERROR_UNAVAILABLE, "%s: the answer is no JSON object", prepared->what);
}
