/* service_error.h: what a service's error answer means: its code, whether to try again, what to
 * tell people. Inside of the room only. */
#pragma once

#include "lib/aws/aws_client.h"

enum { SERVICE_CODE_SIZE = 80 };

/* What to do about an error. */
enum service_remedy {
  REMEDY_NONE,      /* trying again is no use */
  REMEDY_THROTTLED, /* it was not done: try again later */
  REMEDY_REPEAT,    /* it may have been done or not: try again if that does no harm */
  REMEDY_RENEW,     /* it was not done, the keys have expired or were revoked: try with others */
};

struct service_error {
  char code[SERVICE_CODE_SIZE]; /* without namespaces; "" where the service gave none */
  enum service_remedy remedy;
  struct error error;
};

/* Reads an answer that is not 2xx. `what` names the call for people: "DynamoDB PutItem". The
 * service's own sentence is quoted, but for those that may quote the request's headers. */
void service_error_read(const struct fetch_response *response, const char *what,
                        struct service_error *ret_error);
