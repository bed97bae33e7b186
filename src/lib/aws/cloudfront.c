/* cloudfront.c: see cloudfront.h. */
#include "lib/aws/cloudfront.h"

#include "lib/aws/document.h"
#include "lib/aws/xml.h"
#include "lib/base/cleanup.h"

#include <stdlib.h>
#include <string.h>

static const char FOLDER[] = "/2020-05-31/distribution/";

struct asking {
  cloudfront_done done;
  void *argument;
  struct cloudfront_answer answer;
};

static bool on_element(const char *path, struct str text, void *argument) {
  struct asking *asking = argument;
  if (strcmp(path, "Id") == 0) {
    if (text.length == 0 || text.length >= sizeof(asking->answer.id)) return false;
    memcpy(asking->answer.id, text.data, text.length);
    asking->answer.id[text.length] = '\0';
  }
  if (strcmp(path, "Status") == 0) asking->answer.completed = str_equal(text, STR("Completed"));
  return true;
}

static void on_answer(const struct aws_response *response, void *argument) {
  struct asking *asking = argument;
  struct error error = {0};
  asking->answer.error = response->error;
  asking->answer.code = response->code;
  if (!response->error &&
      (!document_read(response->body, "Invalidation", on_element, asking, &error) ||
       !asking->answer.id[0])) {
    error_set(&error, ERROR_UNAVAILABLE, "CloudFront's answer makes no sense");
    asking->answer.error = &error;
  }
  asking->done(&asking->answer, asking->argument);
  free(asking);
}

static bool start(struct aws_client *client, struct aws_request *request, cloudfront_done done,
                  void *argument) {
  struct asking *asking = calloc(1, sizeof(*asking));
  if (!asking) return false;
  asking->done = done;
  asking->argument = argument;
  request->service = AWS_CLOUDFRONT;
  request->repeatable = true;
  if (aws_call(client, request, on_answer, asking)) return true;
  free(asking);
  return false;
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

bool cloudfront_invalidate(struct aws_client *client,
                           const struct cloudfront_invalidation *invalidation, cloudfront_done done,
                           void *argument) {
  _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY, body = BUFFER_EMPTY;
  buffer_append_format(&path, "%s%s/invalidation", FOLDER, invalidation->distribution);
  append_batch(invalidation, &body);
  if (path.failed || body.failed) return false;
  struct sigv4_header header = {STR("content-type"), STR("text/xml")};
  struct aws_request request = {.method = "POST",
                                .path = buffer_str(&path),
                                .headers = &header,
                                .header_count = 1,
                                .body = buffer_str(&body),
                                .deadline_ms = invalidation->deadline_ms};
  return start(client, &request, done, argument);
}

bool cloudfront_get(struct aws_client *client, const char *distribution, const char *id,
                    uint64_t deadline_ms, cloudfront_done done, void *argument) {
  _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY;
  buffer_append_format(&path, "%s%s/invalidation/%s", FOLDER, distribution, id);
  if (path.failed) return false;
  struct aws_request request = {
      .method = "GET", .path = buffer_str(&path), .deadline_ms = deadline_ms};
  return start(client, &request, done, argument);
}
