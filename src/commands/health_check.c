/* health_check.c: `cruddur health-check`: asks a running server whether it lives, without a shell
 * or curl: for a container's health check. */
#include "commands/commands.h"

#include "lib/base/exit_codes.h"
#include "lib/fetch/fetch_wait.h"

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

static int run_check(const char *url, uint64_t timeout_ms) {
  const struct fetch_request request = {
      .url = url, .timeout_ms = timeout_ms, .response_limit = RESPONSE_LIMIT};
  struct fetch_wait http = {0};
  struct fetch_answer answer = {0};
  struct error error = {0};
  bool answered =
      fetch_wait_open(&http, &error) && fetch_wait_exchange(&http, &request, &answer, &error);
  if (!answered)
    fprintf(stderr, "cruddur health-check: %s: %s\n", url, error.message);
  else if (answer.status != 200)
    fprintf(stderr, "cruddur health-check: %s answers %d %.*s\n", url, answer.status,
            (int)answer.body.length, answer.body.data);
  int exit_code = answered && answer.status == 200 ? EXIT_DONE : EXIT_FAILED;
  fetch_wait_free_answer(&answer);
  fetch_wait_close(&http);
  return exit_code;
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
