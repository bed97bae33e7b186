/* fuzz_credentials.c: what hands out credentials over HTTP: STS, a container's endpoint, the
 * instance metadata service with its three answers in a row. The linker puts a function of ours in
 * the place of fetch_start() (--wrap). The first byte chooses the source; the separator of
 * answers.h cuts the answers. */
#include "answers.h"

#include "lib/aws/credentials/sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* A home folder with the token of a person who has logged in; one file serves as a token as well.
 */
static const char TOKEN[] =
    "/.aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json"; /* the SHA-1 of "s" */
static char home[] = "/tmp/fuzz_credentials_XXXXXX", token_path[128];

static void remove_home(void) {
  unlink(token_path);
  for (char *slash; (slash = strrchr(token_path, '/')) > token_path + strlen(home) - 1;) {
    *slash = '\0';
    rmdir(token_path);
  }
}

static void make_home(void) {
  static const char TEXT[] = "{\"accessToken\":\"t\",\"expiresAt\":\"2999-01-01T00:00:00Z\"}";
  assert(mkdtemp(home) && setenv("HOME", home, 1) == 0);
  snprintf(token_path, sizeof(token_path), "%s%s", home, TOKEN);
  for (char *slash = token_path + strlen(home) + 1; (slash = strchr(slash, '/')); slash++) {
    *slash = '\0';
    assert(mkdir(token_path, S_IRWXU) == 0);
    *slash = '/';
  }
  FILE *file = fopen(token_path, "w");
  assert(file && fputs(TEXT, file) >= 0 && fclose(file) == 0);
  atexit(remove_home);
}

/* The source that the first byte chooses, and whether a role is assumed with its keys. */
static void find(uint8_t choice, struct credentials_ask *ask) {
  static enum credentials_step (*const FIND[])(const struct credentials_search *,
                                               struct credentials_ask *, struct error *) = {
      sts_find_web_identity, metadata_find_container, metadata_find_instance, sso_find};
  static char settings[] = "[profile p]\nrole_arn=arn:aws:iam::1:role/s\n"
                           "credential_source=Environment\nsso_session=s\n"
                           "sso_role_name=r\nsso_account_id=1\n"
                           "[sso-session s]\nsso_start_url=u\nsso_region=ca-central-1\n";
  const struct config config = {.aws_region = "ca-central-1",
                                .aws = {.profile = "p",
                                        .web_identity_token_file = token_path,
                                        .role_arn = "arn:aws:iam::1:role/r",
                                        .container_full_uri = "http://127.0.0.1/x",
                                        .container_token = "token",
                                        .metadata_endpoint = "http://127.0.0.1/x"}};
  const struct profile_files files = {.config = {.data = settings, .length = strlen(settings)}};
  const struct credentials_search search = {&config, &files, "p", true};
  struct error error;
  struct role_origin origin;
  assert(FIND[choice % 4](&search, ask, &error) == STEP_FOUND);
  if (choice / 4 % 2 == 0) return;
  assert(sts_resolve(&search, ask, &error));
  assert(role_add(&search, ask, &origin, &error) == STEP_FOUND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!*token_path) make_home();
  if (size == 0) return 0;
  unsigned ends = 0;
  struct credentials_ask ask = {.done = on_done, .argument = &ends};
  struct error error;
  find(data[0], &ask);
  asked.rest = fuzz_text(data + 1, size - 1);
  assert(credentials_ask_start(&ask, &error));
  while (asked.done) {
    fetch_done done = asked.done;
    asked.done = NULL;
    done(&(struct fetch_response){.status = 200, .body = fuzz_cut(&asked.rest, ANSWERS_SEPARATOR)},
         asked.argument);
  }
  assert(ends == 1);
  credentials_ask_free(&ask);
  return 0;
}
