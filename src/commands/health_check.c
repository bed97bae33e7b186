/* health_check.c: `cruddur health-check`: asks a running server whether it lives, without a shell
 * or curl: for a container's health check. */
#include "commands/commands.h"

#include "lib/base/config.h"
#include "lib/fetch/fetch_wait.h"

#include <stdio.h>

enum { DEFAULT_TIMEOUT_S = 3, RESPONSE_LIMIT = 64 * 1024 };

/* What the flags say. */
struct question {
  bool ready;
  uint64_t timeout_s;
};

static int run_check(const char *url, uint64_t timeout_ms) {
  const struct fetch_request request = {
      .url = url, .timeout_ms = timeout_ms, .response_limit = RESPONSE_LIMIT};
  struct fetch_wait http = {0};
  struct fetch_answer answer = {0};
  struct error error = {0};
  bool answered =
      fetch_wait_open(&http, &error) && fetch_wait_exchange(&http, &request, &answer, &error);
  if (!answered)
    fprintf(stderr, "cruddur health-check: %s\n", error.message); /* which names the URL */
  else if (answer.status != 200)
    fprintf(stderr, "cruddur health-check: %s answers %d %.*s\n", url, answer.status,
            (int)answer.body.length, answer.body.data);
  int exit_code = answered && answer.status == 200 ? EXIT_DONE : EXIT_FAILED;
  fetch_wait_free_answer(&answer);
  fetch_wait_close(&http);
  return exit_code;
}

static bool make_url(const char *path, char *url, size_t size, struct error *error) {
  struct config config = {0};
  if (!config_load(&config, CONFIG_PORT, error)) return false;
  if (config.port == 0)
    return error_set(error, ERROR_INVALID,
                     "PORT is 0, and the server's log says which one it picked: name the URL, for "
                     "example http://127.0.0.1:4567%s",
                     path);
  snprintf(url, size, "http://127.0.0.1:%u%s", config.port, path);
  return true;
}

static int command_health_check(int argc, char **argv) {
  struct question question = {.timeout_s = DEFAULT_TIMEOUT_S};
  struct flag_words words;
  int code;
  if (!flags_read(&health_check_command, argc, argv, &question, &words, &code)) return code;
  uint64_t timeout_ms = question.timeout_s * 1000;
  const char *path = question.ready ? "/api/readiness" : "/api/health-check";
  char url[256];
  struct error error = {0};
  if (words.word) return run_check(words.word, timeout_ms);
  if (!make_url(path, url, sizeof(url), &error)) return exit_with("health-check", &error);
  return run_check(url, timeout_ms);
}

static const struct flag FLAGS[] = {
    FLAG_SWITCH(0, "ready", struct question, ready,
                "ask whether it is ready: Postgres connected, keys loaded"),
    FLAG_NUMBER('t', "timeout", "SECONDS", struct question, timeout_s, 1, 60,
                "how long to wait (3)"),
    FLAG_END,
};

const struct subcommand health_check_command = {
    .name = "health-check",
    .summary = "ask a running server whether it lives",
    .usage = "cruddur health-check [--ready] [--timeout SECONDS] [URL]",
    .description = "Asks a server on this machine (PORT, 4567 by default), or the one at URL, "
                   "whether it lives.",
    .word = "[URL]",
    .flags = FLAGS,
    .exits = {[EXIT_DONE] = "yes", [EXIT_FAILED] = "no, or no answer", [EXIT_USAGE] = ""},
    .run = command_health_check,
};
