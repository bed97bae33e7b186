/* service_error.c: see service_error.h. */
#include "lib/aws/service_error.h"

#include "lib/aws/xml.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { SENTENCE_LIMIT = 300, BODY_LIMIT = 64 * 1024 };

/* Codes that mean more than their status. */
static const struct {
  const char *code;
  enum service_remedy remedy;
  enum error_kind kind;
} CODES[] = {
    {"ProvisionedThroughputExceededException", REMEDY_THROTTLED, ERROR_UNAVAILABLE},
    {"ThrottlingException", REMEDY_THROTTLED, ERROR_UNAVAILABLE},
    {"Throttling", REMEDY_THROTTLED, ERROR_UNAVAILABLE},
    {"ThrottledException", REMEDY_THROTTLED, ERROR_UNAVAILABLE},
    {"RequestThrottled", REMEDY_THROTTLED, ERROR_UNAVAILABLE},
    {"RequestThrottledException", REMEDY_THROTTLED, ERROR_UNAVAILABLE},
    {"RequestLimitExceeded", REMEDY_THROTTLED, ERROR_UNAVAILABLE},
    {"TooManyRequestsException", REMEDY_THROTTLED, ERROR_UNAVAILABLE},
    {"BandwidthLimitExceeded", REMEDY_THROTTLED, ERROR_UNAVAILABLE},
    {"SlowDown", REMEDY_THROTTLED, ERROR_UNAVAILABLE},
    {"LimitExceededException", REMEDY_THROTTLED, ERROR_UNAVAILABLE},
    {"PriorRequestNotComplete", REMEDY_THROTTLED, ERROR_UNAVAILABLE},
    {"ReplicatedWriteConflictException", REMEDY_THROTTLED, ERROR_UNAVAILABLE},
    {"TransactionConflictException", REMEDY_THROTTLED, ERROR_UNAVAILABLE},
    {"TransactionInProgressException", REMEDY_THROTTLED, ERROR_UNAVAILABLE},
    {"OperationAborted", REMEDY_THROTTLED, ERROR_UNAVAILABLE},
    {"InternalServerError", REMEDY_REPEAT, ERROR_UNAVAILABLE},
    {"InternalError", REMEDY_REPEAT, ERROR_UNAVAILABLE},
    {"InternalErrorException", REMEDY_REPEAT, ERROR_UNAVAILABLE},
    {"RequestTimeout", REMEDY_REPEAT, ERROR_UNAVAILABLE},
    {"RequestTimeoutException", REMEDY_REPEAT, ERROR_UNAVAILABLE},
    {"ExpiredToken", REMEDY_RENEW, ERROR_DENIED},
    {"ExpiredTokenException", REMEDY_RENEW, ERROR_DENIED},
    {"RequestExpired", REMEDY_RENEW, ERROR_DENIED},
    {"UnrecognizedClientException", REMEDY_RENEW, ERROR_DENIED},
    {"InvalidClientTokenId", REMEDY_RENEW, ERROR_DENIED},
    {"InvalidAccessKeyId", REMEDY_RENEW, ERROR_DENIED},
    {"InvalidToken", REMEDY_NONE, ERROR_DENIED},
    {"AccessDeniedException", REMEDY_NONE, ERROR_DENIED},
    {"InvalidSignatureException", REMEDY_NONE, ERROR_DENIED},
    {"IncompleteSignatureException", REMEDY_NONE, ERROR_DENIED},
    {"MissingAuthenticationTokenException", REMEDY_NONE, ERROR_DENIED},
    {"NotAuthorizedException", REMEDY_NONE, ERROR_DENIED},
    {"ResourceNotFoundException", REMEDY_NONE, ERROR_NOT_FOUND},
    {"UserNotFoundException", REMEDY_NONE, ERROR_NOT_FOUND},
    {"ParameterNotFound", REMEDY_NONE, ERROR_NOT_FOUND},
    {"ConditionalCheckFailedException", REMEDY_NONE, ERROR_CONFLICT},
    {"ResourceInUseException", REMEDY_NONE, ERROR_CONFLICT},
};

enum { CODE_COUNT = sizeof(CODES) / sizeof(CODES[0]) };

static bool is_code_byte(char byte) {
  return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
         (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' || byte == '-';
}

/* "com.amazonaws.dynamodb.v20120810#Code" and "Code:http://…" are "Code". */
static void store_code(struct str text, char code[SERVICE_CODE_SIZE]) {
  const char *hash = text.length > 0 ? memchr(text.data, '#', text.length) : NULL;
  if (hash) text = (struct str){hash + 1, text.length - (size_t)(hash - text.data) - 1};
  size_t length = 0;
  while (length < text.length && length + 1 < SERVICE_CODE_SIZE && is_code_byte(text.data[length]))
    length++;
  memcpy(code, text.length > 0 ? text.data : "", length);
  code[length] = '\0';
}

static void read_json(struct str body, struct service_error *error, struct buffer *sentence) {
  json_t *object = json_loadb(body.data, body.length, 0, NULL);
  const json_t *code = json_object_get(object, "__type");
  if (!code) code = json_object_get(object, "code");
  const json_t *message = json_object_get(object, "message");
  if (!message) message = json_object_get(object, "Message");
  if (!error->code[0])
    store_code((struct str){json_string_value(code), json_string_length(code)}, error->code);
  buffer_append(sentence, json_string_value(message), json_string_length(message));
  json_decref(object);
}

/* What an error in XML says. */
struct xml_error {
  struct service_error *error;
  struct buffer *sentence;
};

/* The root and what stands around the two elements differs from service to service. The first of
 * each counts. */
static bool on_element(const char *path, struct str text, void *argument) {
  const struct xml_error *found = argument;
  if (xml_path_ends(path, "Code") && !found->error->code[0]) store_code(text, found->error->code);
  if (xml_path_ends(path, "Message") && found->sentence->length == 0)
    buffer_append_str(found->sentence, text);
  return true;
}

/* What was read before a body is found to be cut short, or no XML at all, counts. */
static void read_xml(struct str body, struct service_error *error, struct buffer *sentence) {
  struct xml_error found = {error, sentence};
  xml_read(body, NULL, on_element, &found, NULL);
}

/* Signature errors quote what should have been signed, the session token among it. What is said of
 * a web identity is not about headers. */
static bool may_quote(const char *code) {
  if (strcmp(code, "InvalidIdentityToken") == 0) return true;
  return !strstr(code, "Signature") && !strstr(code, "Token") && !strstr(code, "AccessKeyId");
}

/* One line without control characters. */
static void tidy(struct buffer *sentence) {
  if (sentence->length > SENTENCE_LIMIT) sentence->length = SENTENCE_LIMIT;
  for (size_t i = 0; i < sentence->length; i++)
    if ((unsigned char)sentence->data[i] < 0x20) sentence->data[i] = ' ';
}

static void judge_status(int status, struct service_error *error) {
  error->remedy = REMEDY_NONE;
  if (status == 429) {
    error->remedy = REMEDY_THROTTLED;
    error->error.kind = ERROR_UNAVAILABLE;
  } else if (status == 408 || status / 100 == 5) {
    error->remedy = REMEDY_REPEAT;
    error->error.kind = ERROR_UNAVAILABLE;
  } else if (status == 401 || status == 403) {
    error->error.kind = ERROR_DENIED;
  } else if (status == 404) {
    error->error.kind = ERROR_NOT_FOUND;
  } else if (status == 409 || status == 412) {
    error->error.kind = ERROR_CONFLICT;
  } else {
    error->error.kind = status / 100 == 4 ? ERROR_INVALID : ERROR_INTERNAL;
  }
}

static void judge(int status, struct service_error *error) {
  judge_status(status, error);
  for (size_t i = 0; i < CODE_COUNT; i++) {
    if (strcmp(CODES[i].code, error->code) != 0) continue;
    error->remedy = CODES[i].remedy;
    error->error.kind = CODES[i].kind;
  }
}

void service_error_read(const struct fetch_response *response, const char *what,
                        struct service_error *ret_error) {
  struct str body = response->body;
  struct buffer sentence = BUFFER_EMPTY;
  *ret_error = (struct service_error){0};
  store_code(fetch_response_header(response, STR("x-amzn-errortype")), ret_error->code);
  if (body.length > 0 && body.length <= BODY_LIMIT) {
    if (body.data[0] == '{')
      read_json(body, ret_error, &sentence);
    else
      read_xml(body, ret_error, &sentence);
  }
  judge(response->status, ret_error);
  if (!may_quote(ret_error->code)) sentence.length = 0;
  tidy(&sentence);
  const char *code = ret_error->code;
  error_set(&ret_error->error, ret_error->error.kind, "%s: status %d%s%s%s%s", what,
            response->status, *code ? ", " : "", code, sentence.length > 0 ? ": " : "",
            buffer_text(&sentence));
  buffer_free(&sentence);
}
