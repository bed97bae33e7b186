/* sync_screen.h: what people see of a sync: the plan, the progress, the question, the last line. */
#pragma once

#include "commands/sync_options.h"

#include "lib/sync/do/forget.h"

struct sync_screen {
  const struct sync_options *options;
  bool draws; /* stderr is a terminal: progress is drawn on its last line */
  bool drawn; /* there is such a line now */
  uint64_t start_us, drawn_us, step_us;
  const char *step; /* what is drawn */
};

/* `options` must outlive the screen. */
void sync_screen_open(struct sync_screen *screen, const struct sync_options *options);

/* Shows notices and progress on stderr. The screen must outlive the observer. */
struct sync_observer sync_screen_observer(struct sync_screen *screen);

/* Shows the plan and its summary on stdout; nothing with --json. */
void sync_screen_plan(struct sync_screen *screen, const struct sync_plan *plan);

/* Asks whether to go on; true for "yes" alone. */
bool sync_screen_ask(const struct sync_screen *screen);

/* The last line: how it ended (`result` is "done", "nothing to do", "pending", …) and what was
 * done; with --json the object. `sentence` is NULL or what went wrong. */
void sync_screen_end(struct sync_screen *screen, const struct sync_plan *plan,
                     const struct sync_results *results, const char *result, int exit_code,
                     const char *sentence);

/* What would be forgotten, and who loses it; nothing with --json. */
void sync_screen_forget(struct sync_screen *screen, const struct forget *forget);

/* The list of the releases, and of a run that was cut off. */
void sync_screen_releases(const struct sync_screen *screen, const struct sync_bucket *bucket);
