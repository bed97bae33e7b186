/* fuzz_service_error.c: an error answer of an AWS service: a line of headers (a tab between two),
 * then the body. What people are told of it is one line. */
#include "fuzz.h"

#include "lib/aws/service_error.h"
#include "lib/base/cleanup.h"

static void check(int status, struct str headers, struct str body) {
  struct fetch_response response = {.status = status, .headers = headers, .body = body};
  struct service_error error;
  service_error_read(&response, "DynamoDB PutItem", &error);
  assert(error.error.kind != ERROR_NONE);
  assert(strncmp(error.error.message, "DynamoDB PutItem: status ", 25) == 0);
  for (const char *at = error.error.message; *at; at++)
    assert((unsigned char)*at >= ' ');
  assert(strlen(error.code) < SERVICE_CODE_SIZE);
  assert(strspn(error.code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
         strlen(error.code));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const int STATUSES[] = {400, 401, 404, 409, 429, 500, 302};
  struct str body = fuzz_text(data, size), line = fuzz_cut(&body, '\n');
  _cleanup_free_ char *headers = malloc(line.length + 1);
  for (size_t i = 0; i < line.length; i++)
    headers[i] = (char)(line.data[i] == '\t' ? '\n' : line.data[i]);
  check(STATUSES[size % (sizeof(STATUSES) / sizeof(STATUSES[0]))],
        (struct str){headers, line.length}, body);
  return 0;
}
