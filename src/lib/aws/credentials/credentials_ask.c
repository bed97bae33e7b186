/* credentials_ask.c: see credentials_ask.h. An asking ends exactly once, by end(): after a failure,
 * or with the keys of the source, or with those of the last role. Whoever made it frees it
 * afterwards, so nothing here touches it after `done`. */
#include "lib/aws/credentials/credentials_ask.h"

#include "lib/aws/secret.h"
#include "lib/base/time.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_LIMIT = 64 * 1024 };

/* --- Finding --- */

enum credentials_step credentials_ask_refuse(struct error *error, enum error_kind kind,
                                             const char *format, ...) {
  char sentence[ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof(sentence), format, arguments);
  va_end(arguments);
  error_set(error, kind, "%s", sentence);
  return STEP_FAILED;
}

enum credentials_step credentials_ask_has(struct credentials_ask *ask, struct aws_credentials *keys,
                                          struct error *error) {
  assert(!ask->keys && !ask->start);
  if (!keys) return credentials_ask_refuse(error, ERROR_MEMORY, "out of memory");
  ask->keys = keys;
  return STEP_FOUND;
}

/* --- Ending --- */

static void end(struct credentials_ask *ask, struct aws_credentials *credentials,
                const struct error *error) {
  credentials_done done = ask->done;
  assert(done && !credentials == (error != NULL));
  ask->done = NULL;
  done(credentials, error, ask->argument);
}

void credentials_ask_fail(struct credentials_ask *ask, enum error_kind kind, const char *format,
                          ...) {
  struct error error;
  char sentence[ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof(sentence), format, arguments);
  va_end(arguments);
  error_set(&error, kind, "%s", sentence);
  end(ask, NULL, &error);
}

bool credentials_ask_accept(struct credentials_ask *ask, const struct fetch_response *response,
                            const char *who) {
  int status = response->status;
  bool refused = status / 100 == 4 && status != 408 && status != 429;
  if (!response->error && status == 200) return true;
  if (response->error)
    credentials_ask_fail(ask, ERROR_UNAVAILABLE, "%s: %.300s", who, response->error->message);
  else
    credentials_ask_fail(ask, refused ? ERROR_DENIED : ERROR_UNAVAILABLE,
                         "%s answered with status %d", who, status);
  return false;
}

/* Credentials came: the last ones, or those for the next role. */
static void go_on(struct credentials_ask *ask, struct aws_credentials *credentials) {
  if (ask->roles_done == ask->role_count) {
    end(ask, credentials, NULL);
    return;
  }
  aws_credentials_unref(ask->keys);
  ask->keys = credentials;
  struct error error;
  if (!ask->start_role(ask, &error)) end(ask, NULL, &error);
}

/* They go into headers, and are kept as C strings: a NUL would cut them, a line feed begin another
 * header. */
static bool is_printable(struct str text) {
  for (size_t i = 0; i < text.length; i++)
    if (text.data[i] <= ' ' || text.data[i] > '~') return false;
  return true;
}

void credentials_ask_finish(struct credentials_ask *ask, const struct credentials_answer *answer,
                            int64_t earliest_us, const char *source, const char *complaint) {
  int64_t expires_us = answer->expires_us;
  bool complete = answer->id.length > 0 && answer->secret.length > 0 && is_printable(answer->id) &&
                  is_printable(answer->secret) && is_printable(answer->token) &&
                  (answer->expiry.length == 0 ||
                   time_parse_rfc3339(answer->expiry, TIME_OFFSET_LOOSE, &expires_us));
  if (!complete) {
    credentials_ask_fail(ask, ERROR_UNAVAILABLE, "%s", complaint);
    return;
  }
  if (expires_us != 0 && expires_us < earliest_us) expires_us = earliest_us;
  struct aws_credentials *credentials =
      aws_credentials_new(answer->id, answer->secret, answer->token, expires_us, source);
  if (credentials)
    go_on(ask, credentials);
  else
    credentials_ask_fail(ask, ERROR_MEMORY, "out of memory");
}

/* --- Asking --- */

bool credentials_ask_send(struct credentials_ask *ask, struct fetch_request *request,
                          const char *who, fetch_done done, struct error *error) {
  request->service = "credentials";
  request->response_limit = ANSWER_LIMIT;
  return fetch_start(ask->fetcher, request, done, ask, error) ||
         error_prefix(error, "%s cannot be asked", who);
}

bool credentials_ask_start(struct credentials_ask *ask, struct error *error) {
  assert(ask->start || ask->role_count > 0); /* else there is nobody to ask */
  assert(ask->role_count == 0 || ask->start_role);
  return ask->start ? ask->start(ask, error) : ask->start_role(ask, error);
}

void credentials_ask_cancel(struct credentials_ask *ask) {
  if (ask->done && ask->cancel) ask->cancel(ask);
}

struct str credentials_ask_text(const json_t *object, const char *name) {
  const json_t *value = json_object_get(object, name);
  return (struct str){json_string_value(value), json_string_length(value)};
}

static void sso_clear(struct credentials_sso *sso) {
  free(sso->profile);
  free(sso->renewal_url);
  secret_free(sso->renewal);
  free(sso->cache_path);
  secret_free(sso->cached);
}

void credentials_ask_free(struct credentials_ask *ask) {
  assert(!ask->process);
  aws_credentials_unref(ask->keys);
  free(ask->url);
  secret_free(ask->token);
  free(ask->role_arn);
  free(ask->session_name);
  free(ask->words);
  free(ask->process_profile);
  sso_clear(&ask->sso);
  endpoint_free(&ask->sts);
  free(ask->sts_region);
  for (unsigned i = 0; i < ask->role_count; i++) {
    free(ask->roles[i].arn);
    free(ask->roles[i].session_name);
    secret_free(ask->roles[i].external_id);
    free(ask->roles[i].profile);
  }
  aws_try_free(&ask->prepared);
  secret_buffer_free(&ask->metadata_token);
  *ask = (struct credentials_ask){0};
}
