/* cloudfront.c: see cloudfront.h. */
#include "lib/aws/services/cloudfront.h"

#include "lib/aws/xml.h"
#include "lib/base/cleanup.h"

#include <string.h>

_Static_assert(sizeof(((struct cloudfront_answer *)0)->code) ==
                   sizeof(((struct aws_answer *)0)->code),
               "a code fits as a whole");

static const char FOLDER[] = "/2020-05-31/distribution/";

static bool on_element(const char *path, struct str text, void *argument) {
  struct cloudfront_answer *answer = argument;
  if (strcmp(path, "Id") == 0) {
    if (text.length == 0 || text.length >= sizeof(answer->id)) return false;
    memcpy(answer->id, text.data, text.length);
    answer->id[text.length] = '\0';
  }
  if (strcmp(path, "Status") == 0) answer->completed = str_equal(text, STR("Completed"));
  return true;
}

static bool ask(const struct aws_session *session, struct aws_request *request,
                struct cloudfront_answer *ret_answer, struct error *error) {
  struct aws_answer answer;
  *ret_answer = (struct cloudfront_answer){0};
  request->service = AWS_CLOUDFRONT;
  request->repeatable = true;
  bool answered = aws_session_call(session, request, &answer, error);
  memcpy(ret_answer->code, answer.code, sizeof(answer.code));
  bool read =
      answered && xml_read(buffer_str(&answer.body), "Invalidation", on_element, ret_answer, error);
  buffer_free(&answer.body);
  if (!answered || (read && ret_answer->id[0])) return answered;
  return error_set(error, ERROR_UNAVAILABLE, "CloudFront's answer makes no sense");
}

static void append_batch(const struct cloudfront_invalidation *invalidation, struct buffer *body) {
  buffer_append_text(body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<InvalidationBatch "
                           "xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"><Paths>");
  buffer_append_format(body, "<Quantity>%zu</Quantity><Items>", invalidation->count);
  for (size_t i = 0; i < invalidation->count; i++) {
    buffer_append_text(body, "<Path>");
    xml_append_escaped(body, str_from(invalidation->paths[i]));
    buffer_append_text(body, "</Path>");
  }
  buffer_append_text(body, "</Items></Paths><CallerReference>");
  xml_append_escaped(body, str_from(invalidation->caller_reference));
  buffer_append_text(body, "</CallerReference></InvalidationBatch>");
}

bool cloudfront_invalidate(const struct aws_session *session,
                           const struct cloudfront_invalidation *invalidation,
                           struct cloudfront_answer *ret_answer, struct error *error) {
  _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY, body = BUFFER_EMPTY;
  buffer_append_format(&path, "%s%s/invalidation", FOLDER, invalidation->distribution);
  append_batch(invalidation, &body);
  *ret_answer = (struct cloudfront_answer){0};
  if (path.failed || body.failed) return error_set(error, ERROR_MEMORY, "out of memory");
  struct sigv4_header header = {STR("content-type"), STR("text/xml")};
  struct aws_request request = {.method = "POST",
                                .path = buffer_str(&path),
                                .headers = &header,
                                .header_count = 1,
                                .body = buffer_str(&body),
                                .deadline_ms = invalidation->deadline_ms};
  return ask(session, &request, ret_answer, error);
}

bool cloudfront_get(const struct aws_session *session, const char *distribution, const char *id,
                    uint64_t deadline_ms, struct cloudfront_answer *ret_answer,
                    struct error *error) {
  _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY;
  buffer_append_format(&path, "%s%s/invalidation/%s", FOLDER, distribution, id);
  *ret_answer = (struct cloudfront_answer){0};
  if (path.failed) return error_set(error, ERROR_MEMORY, "out of memory");
  struct aws_request request = {
      .method = "GET", .path = buffer_str(&path), .deadline_ms = deadline_ms};
  return ask(session, &request, ret_answer, error);
}
