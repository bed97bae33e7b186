/* dev_token.c: `cruddur dev-token`: tokens of the local development pool. It refuses to work
 * anywhere but in development: the server there must believe this pool, and the database must be
 * local. */
#include "commands/commands.h"

#include "lib/auth/dev_issuer.h"
#include "lib/base/buffer.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/config.h"
#include "lib/base/encoding.h"
#include "lib/pg/pg_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXPIRES_DEFAULT_S = 8 * 3600, EXPIRES_HIGHEST_S = 30 * 24 * 3600 };

struct arguments {
  const char *handle, *init, *folder;
  uint64_t expires_s;
};

/* Reads HANDLE, with or without its @, and which flags go together. */
static bool read_arguments(int argc, char **argv, struct arguments *arguments, int *reterr_code) {
  struct flag_words words;
  *arguments = (struct arguments){.expires_s = EXPIRES_DEFAULT_S};
  if (!flags_read(&dev_token_command, argc, argv, arguments, &words, reterr_code)) return false;
  arguments->handle = words.word;
  if (arguments->handle && arguments->handle[0] == '@') arguments->handle++;
  if (arguments->init && (arguments->handle || arguments->folder))
    *reterr_code = flags_refuse(&dev_token_command, "--init goes with neither HANDLE nor --dir");
  else if (!arguments->init && (!arguments->handle || !*arguments->handle))
    *reterr_code = flags_refuse(&dev_token_command, "whose token? Give a HANDLE, or --init DIR");
  else
    return true;
  return false;
}

/* The path of a file: URL (RFC 8089): file:/path, file:///path or file://localhost/path. */
static bool file_of_url(const char *url, struct buffer *ret_path) {
  struct str rest = str_from(url);
  if (!str_starts_with(rest, STR("file:"))) return false;
  const char *path = url + strlen("file:");
  if (strncmp(path, "//localhost/", 12) == 0)
    path += strlen("//localhost");
  else if (strncmp(path, "///", 3) == 0)
    path += strlen("//");
  if (path[0] != '/' || path[1] == '/' || !buffer_reserve(ret_path, strlen(path))) return false;
  return encoding_percent_decode(str_from(path), false, ret_path->data, &ret_path->length);
}

static bool same_file(const char *a, const char *b) {
  _cleanup_free_ char *real_a = realpath(a, NULL);
  _cleanup_free_ char *real_b = realpath(b, NULL);
  return real_a && real_b && strcmp(real_a, real_b) == 0;
}

/* Finds the folder of the pool that the server of this environment believes. */
static bool find_folder(const struct config *config, const char *wanted, struct buffer *ret_folder,
                        struct error *error) {
  _cleanup_(buffer_free) struct buffer published = BUFFER_EMPTY, own = BUFFER_EMPTY;
  if (!config->cognito_jwks_url || !file_of_url(config->cognito_jwks_url, &published))
    return error_set(error, ERROR_REFUSED,
                     "AWS_COGNITO_JWKS_URL must be the file: URL of a local pool, for example "
                     "AWS_COGNITO_JWKS_URL=file:/home/me/cruddur/.dev/jwks.json");
  const char *path = buffer_text(&published);
  if (wanted)
    buffer_append_text(ret_folder, wanted);
  else
    buffer_append(ret_folder, path, (size_t)(strrchr(path, '/') - path));
  buffer_append_format(&own, "%s/jwks.json", buffer_text(ret_folder));
  if (ret_folder->failed || own.failed) return error_set(error, ERROR_MEMORY, "out of memory");
  if (!same_file(path, buffer_text(&own)))
    return error_set(error, ERROR_REFUSED,
                     "the server believes %s, which is not %s; 'cruddur dev-token --init %s' makes "
                     "the latter where it is missing",
                     path, buffer_text(&own), buffer_text(ret_folder));
  return dev_issuer_check(buffer_text(ret_folder), error);
}

/* By what was asked for and by where the server says that it is: a tunnel from localhost leads
 * elsewhere. */
static bool check_database_is_local(struct pg_session *session, struct error *error) {
  const char *host = pg_session_host(session);
  bool local = !*host || *host == '/' || *host == '@' || strcmp(host, "localhost") == 0 ||
               strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0;
  struct pg_rows *found = NULL;
  if (!pg_session_query(session,
                        "SELECT coalesce(inet_server_addr() <<= '127.0.0.0/8'"
                        " OR inet_server_addr() = '::1', true)",
                        0, NULL, &found, error))
    return false;
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = found;
  if (local && pg_session_rows_bool(rows, 0, 0)) return true;
  return error_set(error, ERROR_REFUSED,
                   "CONNECTION_URL leads to a database that is not on this machine");
}

/* Gives a seeded user a Cognito id; another process may have given it meanwhile. */
static bool give_subject(struct pg_session *session, const char *handle, const char *subject,
                         struct error *error) {
  const char *const parameters[] = {handle, subject};
  struct pg_rows *rows = NULL;
  bool done = pg_session_query(session,
                               "UPDATE public.users SET cognito_user_id = $2"
                               " WHERE handle = $1 AND cognito_user_id = 'MOCK'",
                               2, parameters, &rows, error);
  pg_session_rows_free(rows);
  return done;
}

static bool find_subject(struct pg_session *session, const char *handle, struct buffer *ret_subject,
                         struct error *error) {
  const char *const parameters[] = {handle};
  struct pg_rows *found = NULL;
  if (!pg_session_query(session,
                        "SELECT cognito_user_id, cognito_user_id = 'MOCK'"
                        " FROM public.users WHERE handle = $1",
                        1, parameters, &found, error))
    return false;
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = found;
  if (pg_session_rows_count(rows) == 0)
    return error_set(error, ERROR_NOT_FOUND, "there is no user with the handle '%s'", handle);
  if (pg_session_rows_count(rows) > 1)
    return error_set(error, ERROR_CONFLICT, "several users have the handle '%s'", handle);
  if (!pg_session_rows_bool(rows, 0, 1)) {
    buffer_append_text(ret_subject, pg_session_rows_text(rows, 0, 0));
    return true;
  }
  char subject[UUID_TEXT_LENGTH + 1];
  if (!dev_issuer_sub(str_from(handle), subject, error)) return false;
  buffer_append_text(ret_subject, subject);
  return give_subject(session, handle, subject, error);
}

static bool make_token(const struct config *config, const struct arguments *arguments,
                       const char *folder, char **ret_token, struct error *error) {
  const struct pg_session_options options = {.connection_url = config->connection_url,
                                             .application_name = "cruddur dev-token"};
  struct pg_session *opened = NULL;
  if (!pg_session_open(&options, &opened, error)) return false;
  _cleanup_(pg_session_close_p) struct pg_session *session = opened;
  _cleanup_(buffer_free) struct buffer subject = BUFFER_EMPTY, client = BUFFER_EMPTY;
  if (!check_database_is_local(session, error)) return false;
  if (!find_subject(session, arguments->handle, &subject, error)) return false;
  struct str clients = str_from(config->cognito_client_id), first = {0};
  while (first.length == 0 && str_next(&clients, ',', &first)) {
  }
  buffer_append_str(&client, first);
  int64_t now_s = clock_unix_us() / 1000000;
  const struct dev_claims claims = {
      .issuer = config->cognito_issuer,
      .client_id = buffer_text(&client),
      .subject = buffer_text(&subject),
      .username = arguments->handle,
      .issued_s = now_s,
      .expires_s = now_s + (int64_t)arguments->expires_s,
  };
  return dev_issuer_sign(folder, &claims, ret_token, error);
}

/* Reads the settings of a development environment; elsewhere it is refused. */
static bool read_settings(struct config *ret_config, struct error *error) {
  const char *environment = getenv("FLASK_ENV");
  if (!environment || strcmp(environment, "development") != 0)
    return error_set(error, ERROR_REFUSED,
                     "works in development only, where FLASK_ENV=development");
  if (!config_load(ret_config, CONFIG_DEV_TOKEN, error)) return false;
  return ret_config->cognito_issuer ||
         error_set(error, ERROR_REFUSED,
                   "AWS_COGNITO_ISSUER must be that of the local pool, for example "
                   "AWS_COGNITO_ISSUER=https://dev.cruddur.local");
}

static bool print_token(const struct arguments *arguments, struct error *error) {
  struct config config = {0};
  _cleanup_(buffer_free) struct buffer folder = BUFFER_EMPTY;
  _cleanup_free_ char *token = NULL;
  if (!read_settings(&config, error) || !find_folder(&config, arguments->folder, &folder, error) ||
      !make_token(&config, arguments, buffer_text(&folder), &token, error))
    return false;
  return (printf("%s\n", token) > 0 && fflush(stdout) == 0) ||
         error_set(error, ERROR_INTERNAL, "could not write the token");
}

static int command_dev_token(int argc, char **argv) {
  struct arguments arguments;
  struct error error = {0};
  int code;
  if (!read_arguments(argc, argv, &arguments, &code)) return code;
  if (!arguments.init)
    return print_token(&arguments, &error) ? EXIT_DONE : exit_with("dev-token", &error);
  if (!dev_issuer_init(arguments.init, &error)) return exit_with("dev-token", &error);
  printf("The development pool is %s/private.pem and %s/jwks.json.\n", arguments.init,
         arguments.init);
  return EXIT_DONE;
}

static const struct flag FLAGS[] = {
    FLAG_FOLDER(0, "init", "DIR", struct arguments, init,
                "make DIR/private.pem and DIR/jwks.json where they are missing"),
    FLAG_FOLDER(0, "dir", "DIR", struct arguments, folder,
                "the pool's folder (where AWS_COGNITO_JWKS_URL points)"),
    FLAG_NUMBER(0, "expires", "SECONDS", struct arguments, expires_s, 1, EXPIRES_HIGHEST_S,
                "how long the token is good (28800: 8 hours)"),
    FLAG_END,
};

const struct subcommand dev_token_command = {
    .name = "dev-token",
    .summary = "issue a token of the local development pool",
    .usage = "cruddur dev-token HANDLE [--dir DIR] [--expires SECONDS]\n"
             "       cruddur dev-token --init DIR",
    .description =
        "Prints an access token of the local development pool for the user HANDLE. A seeded user\n"
        "gets a Cognito id of its own with the first token. Works only where FLASK_ENV is\n"
        "development, AWS_COGNITO_JWKS_URL is the file: URL of DIR/jwks.json, and the database is\n"
        "on this machine.",
    .word = "[HANDLE]",
    .flags = FLAGS,
    .exits = {[EXIT_DONE] = "",
              [EXIT_FAILED] = "",
              [EXIT_USAGE] = "",
              [EXIT_REFUSED] = "refused: this is not a development environment",
              [EXIT_UNAVAILABLE] = "the database was not reached",
              [EXIT_CREDENTIALS] = "role or password refused"},
    .run = command_dev_token,
};
