/* fuzz_credentials.c: what hands out credentials over HTTP: STS, a container's endpoint, the
 * instance metadata service with its three answers in a row. The linker puts a function of ours in
 * the place of fetch_start() (--wrap). The first byte chooses the source; the separator of
 * answers.h cuts the answers. */
#include "answers.h"

#include "lib/aws/remote.h"
#include "lib/base/cleanup.h"

static struct {
  struct str rest;
  fetch_done done; /* NULL: nothing is asked */
  void *argument;
} asked;

bool __wrap_fetch_start(struct fetcher *fetcher, const struct fetch_request *request,
                        fetch_done done, void *argument, struct error *error);

bool __wrap_fetch_start(struct fetcher *fetcher, const struct fetch_request *request,
                        fetch_done done, void *argument, struct error *error) {
  (void)fetcher, (void)error;
  assert(!asked.done && request->response_limit > 0);
  for (const char *at = request->url; *at; at++)
    assert(*at > ' ' && *at <= '~');
  asked.done = done;
  asked.argument = argument;
  return true;
}

static void check_text(const char *text) {
  for (; *text; text++)
    assert(*text > ' ' && *text <= '~');
}

static void on_done(struct aws_credentials *credentials, const struct error *error,
                    void *argument) {
  ++*(unsigned *)argument;
  assert(!credentials == (error != NULL));
  if (!credentials) return;
  assert(*aws_credentials_access_key_id(credentials));
  assert(*aws_credentials_secret_access_key(credentials));
  check_text(aws_credentials_access_key_id(credentials));
  check_text(aws_credentials_secret_access_key(credentials));
  check_text(aws_credentials_session_token(credentials));
  aws_credentials_unref(credentials);
}

static struct aws_source make_source(uint8_t choice) {
  static const enum aws_source_kind KINDS[] = {AWS_SOURCE_WEB_IDENTITY, AWS_SOURCE_CONTAINER,
                                               AWS_SOURCE_INSTANCE, AWS_SOURCE_SSO};
  struct aws_source source = {.kind = KINDS[choice % 4], .role_count = choice / 4 % 2};
  source.url = strdup("http://127.0.0.1/x");
  source.token = strdup("token");
  source.role_arn = strdup("arn:aws:iam::1:role/r");
  source.sso.profile = strdup("p");
  source.sts.region = strdup("ca-central-1");
  source.sts.endpoint.scheme = strdup("https");
  source.sts.endpoint.host = strdup("sts.example");
  source.sts.endpoint.prefix = strdup("");
  if (source.role_count > 0) {
    source.roles[0].arn = strdup("arn:aws:iam::1:role/s");
    source.roles[0].profile = strdup("p");
  }
  return source;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct loop *loop;
  if (!loop) loop = loop_new(0);
  if (size == 0) return 0;
  struct aws_source source = make_source(data[0]);
  unsigned ends = 0;
  asked.rest = fuzz_text(data + 1, size - 1);
  assert(aws_remote_fetch(loop, NULL, &source, on_done, &ends));
  while (asked.done) {
    fetch_done done = asked.done;
    asked.done = NULL;
    done(&(struct fetch_response){.status = 200, .body = fuzz_cut(&asked.rest, ANSWERS_SEPARATOR)},
         asked.argument);
  }
  assert(ends == 1);
  return 0;
}
