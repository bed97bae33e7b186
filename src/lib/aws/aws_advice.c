/* aws_advice.c: what a person can do about an answer that is an error. */
#include "lib/aws/aws_advice.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/time.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

enum { MICROSECONDS = 1000000 };

static bool is_service(const struct aws_prepared *prepared, const char *signing_name) {
  return prepared->service->signing_name &&
         strcmp(prepared->service->signing_name, signing_name) == 0;
}

static bool has_query(const struct aws_prepared *prepared, const char *name) {
  for (size_t i = 0; i < prepared->query_count; i++)
    if (str_equal(prepared->query[i].name, str_from(name))) return true;
  return false;
}

static bool is_method(const struct aws_prepared *prepared, const char *method) {
  return strcmp(prepared->method, method) == 0;
}

/* The right that S3 and CloudFront ask for; NULL: not known here. */
static const char *right_of(const struct aws_prepared *prepared) {
  if (is_service(prepared, "cloudfront"))
    return is_method(prepared, "POST") ? "cloudfront:CreateInvalidation"
                                       : "cloudfront:GetInvalidation";
  if (!is_service(prepared, "s3")) return NULL;
  if (has_query(prepared, "versions")) return "s3:ListBucketVersions";
  if (has_query(prepared, "versionId")) return "s3:DeleteObjectVersion";
  if (has_query(prepared, "list-type")) return "s3:ListBucket";
  if (is_method(prepared, "PUT")) return "s3:PutObject";
  if (is_method(prepared, "DELETE") || has_query(prepared, "delete")) return "s3:DeleteObject";
  return "s3:GetObject";
}

static bool is_html(const struct fetch_response *answer) {
  struct str type = fetch_response_header(answer, STR("content-type"));
  return str_starts_with(type, STR("text/html"));
}

/* Seconds that this machine's clock is ahead of the answer's. */
static int64_t seconds_ahead(const struct fetch_response *answer) {
  int64_t theirs_us;
  if (!time_parse_http_date(fetch_response_header(answer, STR("date")), &theirs_us)) return 0;
  return (clock_unix_us() - theirs_us) / MICROSECONDS;
}

static void advise_on_right(const struct aws_prepared *prepared, struct buffer *advice) {
  const char *right = right_of(prepared);
  if (!right) return;
  struct str path = buffer_str(&prepared->location.path);
  buffer_append_format(advice, "; this needs the right %s on %s%.*s", right,
                       is_service(prepared, "s3") ? "" : "https://cloudfront", (int)path.length,
                       path.data);
}

static void advise_on_clock(const struct fetch_response *answer, struct buffer *advice) {
  int64_t ahead = seconds_ahead(answer);
  buffer_append_format(advice, "; the clock of this machine is %" PRId64 " seconds %s, set it",
                       ahead < 0 ? -ahead : ahead, ahead < 0 ? "behind" : "ahead");
}

void aws_advice_add(const struct aws_prepared *prepared, const struct aws_credentials *credentials,
                    const struct fetch_response *answer, const char *code, struct error *error) {
  _cleanup_(buffer_free) struct buffer advice = BUFFER_EMPTY;
  assert(error->kind != ERROR_NONE && answer->status / 100 != 2);
  bool refused = answer->status == 401 || answer->status == 403;
  bool is_right = strcmp(code, "AccessDenied") == 0 || strcmp(code, "AccessDeniedException") == 0;
  if (refused && is_html(answer)) {
    error->kind = ERROR_UNAVAILABLE;
    buffer_append_text(&advice, "; this is no answer of AWS: a proxy on the way refused (see "
                                "HTTPS_PROXY and NO_PROXY)");
  } else if (strncmp(code, "RequestTimeTooSkewed", 20) == 0) {
    advise_on_clock(answer, &advice);
  } else if (strcmp(code, "InvalidToken") == 0) {
    buffer_append_text(&advice, "; the session token does not belong to the keys: unset "
                                "AWS_SESSION_TOKEN, or log in again");
  } else if (is_right || (refused && !*code)) {
    advise_on_right(prepared, &advice);
  }
  if (error->kind == ERROR_DENIED && credentials)
    buffer_append_format(&advice, " (the keys came from: %s)", aws_credentials_source(credentials));
  if (advice.length == 0 || advice.failed) return;
  struct error before = *error;
  error_set(error, before.kind, "%.600s%s", before.message, buffer_text(&advice));
}
