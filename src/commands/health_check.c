/* health_check.c: `cruddur health-check`: asks a running server whether it lives, without a shell
 * or curl: for a container's health check. */
#include "commands/commands.h"

#include "lib/base/exit_codes.h"
#include "lib/fetch/fetch.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TIMEOUT_MS = 3000, LONGEST_TIMEOUT_S = 60, RESPONSE_LIMIT = 64 * 1024 };

static const char HELP[] =
    "Usage: cruddur health-check [--ready] [--timeout SECONDS] [URL]\n"
    "\n"
    "Asks a server on this machine (PORT, 4567 by default), or the one at URL, whether it lives.\n"
    "\n"
    "Options:\n"
    "      --ready             ask whether it is ready: Postgres connected, keys loaded\n"
    "  -t, --timeout SECONDS   how long to wait (3)\n"
    "  -h, --help              show this\n"
    "\n"
    "Exit codes: 0 yes, 1 no or no answer, 2 a wrong flag.\n";

struct check {
  struct fetcher *fetcher;
  struct loop *loop;
  const char *url;
  int exit_code;
};

static void on_answer(const struct fetch_response *response, void *argument) {
  struct check *check = argument;
  check->exit_code = response->status == 200 ? EXIT_DONE : EXIT_FAILED;
  if (response->error)
    fprintf(stderr, "cruddur health-check: %s: %s\n", check->url, response->error->message);
  else if (response->status != 200)
    fprintf(stderr, "cruddur health-check: %s answers %d %.*s\n", check->url, response->status,
            (int)response->body.length, response->body.data);
  fetcher_close(check->fetcher);
  loop_close_inbox(check->loop);
}

static int run_check(const char *url, uint64_t timeout_ms) {
  struct error error = {0};
  struct check check = {.url = url, .exit_code = EXIT_FAILED, .loop = loop_new(0)};
  check.fetcher = check.loop ? fetcher_new(check.loop, &error) : NULL;
  if (!check.fetcher) {
    fprintf(stderr, "cruddur health-check: %s\n", error.message);
    loop_free(check.loop);
    return EXIT_FAILED;
  }
  struct fetch_request request = {
      .url = url, .timeout_ms = timeout_ms, .response_limit = RESPONSE_LIMIT};
  if (!fetch_start(check.fetcher, &request, on_answer, &check, &error)) {
    fprintf(stderr, "cruddur health-check: %s cannot be asked: %s\n", url, error.message);
    fetcher_close(check.fetcher);
  }
  loop_run(check.loop);
  loop_free(check.loop);
  return check.exit_code;
}

int command_health_check(int argc, char **argv) {
  static const struct option OPTIONS[] = {{"ready", no_argument, NULL, 'r'},
                                          {"timeout", required_argument, NULL, 't'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  uint64_t timeout_ms = DEFAULT_TIMEOUT_MS;
  const char *path = "/api/health-check";
  int option;
  while ((option = getopt_long(argc, argv, "t:h", OPTIONS, NULL)) != -1) {
    switch (option) {
    case 'r': path = "/api/readiness"; break;
    case 't': {
      long seconds = strtol(optarg, NULL, 10);
      if (seconds < 1 || seconds > LONGEST_TIMEOUT_S) {
        fprintf(stderr, "cruddur health-check: --timeout must be 1 to %d seconds\n",
                LONGEST_TIMEOUT_S);
        return EXIT_USAGE;
      }
      timeout_ms = (uint64_t)seconds * 1000;
      break;
    }
    case 'h': fputs(HELP, stdout); return EXIT_DONE;
    default: return EXIT_USAGE;
    }
  }
  const char *port = getenv("PORT");
  char url[256];
  if (optind < argc) return run_check(argv[optind], timeout_ms);
  snprintf(url, sizeof(url), "http://127.0.0.1:%s%s", port && *port ? port : "4567", path);
  return run_check(url, timeout_ms);
}
