/* top_command.c: `cruddur top`: shows what a running server is doing: GET /top of its metrics port.
 */
#include "commands/commands.h"

#include "lib/fetch/fetch_wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TIMEOUT_MS = 5000, RESPONSE_LIMIT = 1024 * 1024 };

/* What the flags say. */
struct view {
  bool once;
  uint64_t interval_s;
};

/* Clears the terminal before a page that replaces another. */
static void print_page(struct str page, bool clear) {
  if (clear) fputs("\033[H\033[2J\033[3J", stdout);
  fwrite(page.data, 1, page.length, stdout);
}

static int show(struct fetch_wait *http, const char *url, bool clear) {
  const struct fetch_request request = {
      .url = url, .timeout_ms = TIMEOUT_MS, .response_limit = RESPONSE_LIMIT};
  struct fetch_answer answer = {0};
  struct error error = {0};
  int code = EXIT_FAILED;
  if (!fetch_wait_exchange(http, &request, &answer, &error)) {
    fprintf(stderr, "cruddur top: %s\n", error.message);
  } else if (answer.status != 200) {
    fprintf(stderr, "cruddur top: %s answers %d; is this the server's METRICS_PORT?\n", url,
            answer.status);
  } else {
    print_page(buffer_str(&answer.body), clear);
    code = fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
  }
  fetch_wait_free_answer(&answer);
  return code;
}

static int show_again_and_again(const struct view *view, const char *url) {
  bool again = !view->once && isatty(STDOUT_FILENO);
  struct fetch_wait http = {0};
  struct error error = {0};
  if (!fetch_wait_open(&http, &error)) return exit_with("top", &error);
  int code = show(&http, url, again);
  while (again && code == EXIT_DONE) {
    sleep((unsigned)view->interval_s);
    code = show(&http, url, true);
  }
  fetch_wait_close(&http);
  return code;
}

static int command_top(int argc, char **argv) {
  struct view view = {.interval_s = 2};
  struct flag_words words;
  int code;
  if (!flags_read(&top_command, argc, argv, &view, &words, &code)) return code;
  if (words.word) return show_again_and_again(&view, words.word);
  const char *port = getenv("METRICS_PORT");
  if (!port || !*port)
    return flags_refuse(&top_command, "METRICS_PORT is not set; give the server's, or a URL");
  char url[256];
  snprintf(url, sizeof(url), "http://127.0.0.1:%s/top", port);
  return show_again_and_again(&view, url);
}

static const struct flag FLAGS[] = {
    FLAG_SWITCH('1', "once", struct view, once, "print one page and end, as without a terminal"),
    FLAG_NUMBER('n', "interval", "SECONDS", struct view, interval_s, 1, 3600,
                "how long to wait between two pages (2)"),
    FLAG_END,
};

const struct subcommand top_command = {
    .name = "top",
    .summary = "show what a running server is doing now",
    .usage = "cruddur top [--once] [--interval SECONDS] [URL]",
    .description =
        "Shows the event loops, the connections to Postgres and the slowest statements of the\n"
        "server on this machine (METRICS_PORT), or of the one whose page is at URL, for example\n"
        "http://10.0.1.7:9090/top, until Ctrl-C. How busy a loop was is said since the page was\n"
        "looked at before.",
    .word = "[URL]",
    .flags = FLAGS,
    .exits = {[EXIT_DONE] = "", [EXIT_FAILED] = "no answer, or no such page", [EXIT_USAGE] = ""},
    .run = command_top,
};
