/* lambda_command.c: `cruddur lambda post-confirmation`: the production image as a Lambda function.
 */
#include "commands/commands.h"
#include "commands/exit.h"

#include "lib/aws/services/parameter.h"
#include "lib/base/buffer.h"
#include "lib/base/clock.h"
#include "lib/base/config.h"
#include "lib/base/json_writer.h"
#include "lib/lambda/lambda_runtime.h"
#include "lib/pg/connection_url.h"
#include "lib/users/confirmation.h"

#include <stdio.h>
#include <stdlib.h>

enum {
  PATIENCE_MS = 4000,   /* Cognito waits 5 seconds for its triggers */
  ANSWER_TIME_MS = 300, /* of Lambda's deadline, for the answer */
  SHORTEST_LIMIT_MS = 100,
  LOOK_AHEAD_MS = 2500, /* the start is part of what Cognito waits for */
};

/* One JSON line on stdout, written before Lambda freezes the process. */
static void log_line(const char *level, const char *message, struct str request_id) {
  char now[CLOCK_RFC3339_SIZE];
  clock_format_rfc3339(clock_unix_us(), now);
  struct buffer line = BUFFER_EMPTY;
  buffer_append_format(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", now, level);
  json_writer_string(&line, str_from(message));
  if (request_id.length > 0) {
    buffer_append_text(&line, ",\"request_id\":");
    json_writer_string(&line, request_id);
  }
  buffer_append_text(&line, "}\n");
  fputs(buffer_text(&line), stdout);
  fflush(stdout);
  buffer_free(&line);
}

struct function {
  struct config config;
  struct error bad_setting; /* of AWS; kind ERROR_NONE: there is none */
  char *parameter;          /* what Parameter Store said; NULL: nothing yet */
  bool parameter_is_fresh;  /* it was read during this event */
  struct confirmer confirmer;
};

static unsigned limit_of(const struct lambda_runtime_invocation *invocation) {
  int64_t left_ms = invocation->deadline_ms - clock_unix_us() / 1000 - ANSWER_TIME_MS;
  if (invocation->deadline_ms == 0 || left_ms > PATIENCE_MS) return PATIENCE_MS;
  return left_ms > SHORTEST_LIMIT_MS ? (unsigned)left_ms : SHORTEST_LIMIT_MS;
}

/* Reads the parameter; what was read before stays when that fails. */
static bool read_parameter(struct function *function, unsigned limit_ms, struct error *error) {
  char *value = NULL;
  if (function->bad_setting.kind != ERROR_NONE) {
    *error = function->bad_setting;
    return false;
  }
  if (!parameter_read(&function->config, function->config.connection_url_parameter, limit_ms,
                      &value, error))
    return false;
  if (!connection_url_check(value, error)) {
    free(value);
    return false;
  }
  free(function->parameter);
  function->parameter = value;
  function->parameter_is_fresh = true;
  function->confirmer.connection_url = value;
  return true;
}

/* The database may have moved, or its password have changed, since the parameter was read. */
static bool look_again(struct confirmer *confirmer, unsigned limit_ms) {
  struct function *function =
      (struct function *)(void *)((char *)confirmer - offsetof(struct function, confirmer));
  struct error error = {0};
  if (function->parameter_is_fresh) return false;
  if (read_parameter(function, limit_ms, &error)) return true;
  log_line("error", error.message, (struct str){NULL, 0});
  return false;
}

/* Half of the time is for finding the database, the rest at least for its row. */
static bool record(struct function *function, const struct lambda_runtime_invocation *invocation,
                   enum confirmation_outcome *ret_outcome, struct error *error) {
  unsigned limit_ms = limit_of(invocation);
  uint64_t begun_us = clock_monotonic_us();
  function->parameter_is_fresh = false;
  if (!function->confirmer.connection_url && !read_parameter(function, limit_ms / 2, error))
    return false;
  uint64_t spent_ms = (clock_monotonic_us() - begun_us) / 1000;
  return confirmation_record(&function->confirmer, invocation->event,
                             spent_ms < limit_ms ? limit_ms - (unsigned)spent_ms : 1, ret_outcome,
                             error);
}

static void on_invocation(const struct lambda_runtime_invocation *invocation, void *argument) {
  struct error error = {0};
  enum confirmation_outcome outcome;
  if (!record(argument, invocation, &outcome, &error))
    log_line("error", error.message, invocation->request_id);
  else
    log_line("info",
             outcome == CONFIRMATION_ADDED ? "the user was added" : "the user was there already",
             invocation->request_id);
}

static int serve(struct lambda_runtime *lambda, struct function *function) {
  struct error error = {0};
  for (;;) {
    if (lambda_runtime_serve_one(lambda, on_invocation, function, &error)) continue;
    log_line("error", error.message, (struct str){NULL, 0});
    if (error.kind == ERROR_CONFLICT) continue; /* this one's answer was refused */
    confirmation_close(&function->confirmer);
    free(function->parameter);
    return exit_with("lambda", &error);
  }
}

/* Without the one setting the other one is wanted, which needs those of AWS. A bad one of these
 * does not stop the function: the events must go back to Cognito, and each is logged with the
 * reason. */
static bool read_settings(struct function *function, struct error *error) {
  struct config *config = &function->config;
  if (!config_load(config, CONFIG_LAMBDA, error)) return false;
  const char *given = getenv("CONNECTION_URL");
  if (config->connection_url_parameter && !(given && *given)) {
    config_load(config, CONFIG_LAMBDA | CONFIG_AWS, &function->bad_setting);
    function->confirmer.look_again = look_again;
    return true;
  }
  if (!config_load(config, CONFIG_DATABASE, error)) return false;
  function->confirmer.connection_url = config->connection_url;
  return true;
}

/* While Lambda starts the function; what fails now is tried again with each event, which has to go
 * back to Cognito in any case. */
static void look_ahead(struct function *function) {
  struct error error = {0};
  if (function->confirmer.look_again && !read_parameter(function, LOOK_AHEAD_MS, &error))
    log_line("error", error.message, (struct str){NULL, 0});
}

static int run(void) {
  const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
  struct error error = {0};
  if (!api || !*api) {
    error_set(&error, ERROR_INVALID,
              "AWS_LAMBDA_RUNTIME_API is not set: this runs inside of AWS Lambda; 'cruddur "
              "post-confirmation' does the same from a shell");
    return exit_with("lambda", &error);
  }
  _cleanup_(lambda_runtime_close_p) struct lambda_runtime *lambda = NULL;
  if (!lambda_runtime_open(api, &lambda, &error)) return exit_with("lambda", &error);
  static struct function function;
  if (!read_settings(&function, &error)) {
    struct error untold = {0};
    log_line("error", error.message, (struct str){NULL, 0});
    if (!lambda_runtime_report_init_error(lambda, "Runtime.BadSetting", error.message, &untold))
      log_line("error", untold.message, (struct str){NULL, 0});
    return EXIT_USAGE;
  }
  look_ahead(&function);
  return serve(lambda, &function);
}

static int command_lambda(int argc, char **argv) {
  struct flag_words words; /* post-confirmation is the one function that there is */
  int code;
  if (!flags_read(&lambda_command, argc, argv, NULL, &words, &code)) return code;
  return run();
}

static const struct flag FLAGS[] = {
    FLAG_VERB("post-confirmation", NULL, 0, "add the user of each event to the database",
              .section = "Functions"),
    FLAG_END,
};

const struct subcommand lambda_command = {
    .name = "lambda",
    .summary = "serve Cognito's trigger as a Lambda function",
    .usage = "cruddur lambda post-confirmation",
    .description =
        "Serves Cognito's post-confirmation trigger as an AWS Lambda function: takes events from\n"
        "the runtime API at AWS_LAMBDA_RUNTIME_API, adds each event's user to the database of\n"
        "CONNECTION_URL once, logs what goes wrong, and always returns the event. Where\n"
        "CONNECTION_URL is unset it is read from Parameter Store, under the name\n"
        "CONNECTION_URL_PARAMETER, and again when the database refuses it or is not there. It "
        "runs\n"
        "until Lambda ends it. Lambda's images start this: the entry point is `cruddur`, the "
        "command\n"
        "`lambda post-confirmation`.",
    .word = "FUNCTION",
    .flags = FLAGS,
    .exits = {[EXIT_FAILED] = "the runtime API refused us",
              [EXIT_USAGE] = "a wrong argument or setting",
              [EXIT_UNAVAILABLE] = "the runtime API does not answer"},
    .run = command_lambda,
};
