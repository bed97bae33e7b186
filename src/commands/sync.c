/* sync.c: `cruddur sync`: ships the frontend: plan, show, ask, apply, invalidate; and its verbs
 * plan, apply, rollback and releases. */
#include "commands/commands.h"
#include "commands/sync_options.h"
#include "commands/sync_screen.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/sync/apply.h"
#include "lib/sync/release.h"
#include "lib/sync/restore.h"
#include "lib/sync/survey.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MICROSECONDS = 1000000 };

struct sync_command {
  struct sync_options options;
  struct sync_screen screen;
  struct sync_run run;
  struct changeset changeset; /* of apply */
  struct error error;
};

static int code_of(const struct error *error) {
  switch (error->kind) {
  case ERROR_CONFLICT: return EXIT_REFUSED;
  case ERROR_UNAVAILABLE: return EXIT_UNAVAILABLE;
  case ERROR_DENIED: return EXIT_CREDENTIALS;
  default: return EXIT_FAILED;
  }
}

static int end(struct sync_command *command, const char *result, int code) {
  sync_screen_end(&command->screen, &command->run, result, code,
                  command->error.kind == ERROR_NONE ? NULL : command->error.message);
  return code;
}

static int fail(struct sync_command *command, int code) {
  return end(command, code == EXIT_REFUSED ? "refused" : "failed", code);
}

/* A build that is missing, empty or holds what must not be published is refused. */
static int fail_build(struct sync_command *command) {
  bool memory = command->error.kind == ERROR_MEMORY;
  return fail(command, memory ? EXIT_FAILED : EXIT_REFUSED);
}

/* --- The changeset file --- */

static bool write_changeset(struct sync_command *command) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  const struct sync_run *run = &command->run;
  const char *path = command->options.changeset_path;
  /* Whole, so that it can be applied from another folder. */
  _cleanup_free_ char *folder = realpath(run->settings.build_folder, NULL);
  struct changeset_place place = {run->settings.bucket, run->settings.prefix,
                                  run->settings.distribution,
                                  folder ? folder : run->settings.build_folder};
  changeset_write(&place, &run->journal, &run->plan, clock_unix_us() / MICROSECONDS, &text);
  if (text.failed) return error_set(&command->error, ERROR_MEMORY, "out of memory");
  return (file_make_parents(path, &command->error) &&
          file_replace(path, buffer_str(&text), 0666, &command->error)) ||
         error_prefix(&command->error, "the changeset");
}

static bool read_changeset(struct sync_command *command) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  const char *path = command->options.changeset_path;
  if (!file_read(path, CHANGESET_SIZE_LIMIT, &text, &command->error)) {
    command->error.kind = ERROR_INVALID; /* of whatever kind: a wrong argument */
    return false;
  }
  return changeset_parse(buffer_str(&text), &command->options.arena, &command->changeset,
                         &command->error) ||
         error_prefix(&command->error, "%s", path);
}

static bool fits_place(struct sync_command *command, const char *what, const char *planned,
                       const char *now) {
  return !*now || strcmp(planned, now) == 0 ||
         error_set(&command->error, ERROR_CONFLICT,
                   "the changeset is for the %s '%s', not for '%s'", what, planned, now);
}

/* A changeset is applied where it belongs, or nowhere; the build may lie elsewhere by now. */
static bool take_place(struct sync_command *command) {
  struct sync_settings *settings = &command->options.settings;
  const struct changeset_place *place = &command->changeset.place;
  if (!fits_place(command, "bucket", place->bucket, settings->bucket) ||
      !fits_place(command, "prefix", place->prefix, settings->prefix) ||
      !fits_place(command, "distribution", place->distribution, settings->distribution))
    return false;
  settings->bucket = place->bucket;
  settings->prefix = place->prefix;
  settings->distribution = place->distribution;
  if (!command->options.has_build_folder) settings->build_folder = place->build_folder;
  return sync_options_check_place(settings) ||
         error_set(&command->error, ERROR_CONFLICT, "%s: this is no changeset of cruddur sync",
                   command->options.changeset_path);
}

/* --- Applying --- */

static int apply(struct sync_command *command) {
  bool started = false;
  if (!survey_guard(&command->run, &command->error)) return fail(command, code_of(&command->error));
  if (!command->options.yes && !sync_screen_ask(&command->screen))
    return end(command, "not applied", EXIT_PENDING);
  if (apply_plan(&command->run, &started, &command->error)) return end(command, "done", EXIT_DONE);
  if (!started) return fail(command, code_of(&command->error));
  return end(command, "partly done, run it again to finish", EXIT_PARTLY);
}

/* What HEAD told is written down, so that the next run need not ask: a convenience, no failure. */
static int nothing_to_do(struct sync_command *command) {
  struct error ignored = {0};
  if (command->run.asked > 0 && !command->options.dry_run &&
      command->options.verb != SYNC_VERB_PLAN)
    release_learn(&command->run, &ignored);
  return end(command, "nothing to do", EXIT_DONE);
}

static int show_and_apply(struct sync_command *command) {
  bool only_plan = command->options.dry_run || command->options.verb == SYNC_VERB_PLAN;
  if (command->options.verb != SYNC_VERB_APPLY && !write_changeset(command))
    return fail(command, EXIT_FAILED);
  sync_screen_plan(&command->screen, &command->run);
  if (!survey_has_work(&command->run)) return nothing_to_do(command);
  if (!only_plan) return apply(command);
  if (!survey_guard(&command->run, &command->error)) return fail(command, code_of(&command->error));
  return end(command, "pending", EXIT_PENDING);
}

/* The changeset's own id, so that it can be followed, but never for another invalidation than its
 * first: CloudFront would take that for done. */
static void take_id(struct sync_command *command) {
  struct sync_run *run = &command->run;
  bool used = run->has_earlier;
  for (size_t i = 0; i < run->manifest.release_count; i++)
    used |= strcmp(run->manifest.releases[i].id, command->changeset.id) == 0;
  if (!used) run->journal.id = command->changeset.id;
}

/* --- Verbs --- */

static int run_sync(struct sync_command *command) {
  struct sync_run *run = &command->run;
  bool is_apply = command->options.verb == SYNC_VERB_APPLY;
  if (!survey_build(run, &command->error)) return fail_build(command);
  if (!survey_bucket(run, &command->error) || !survey_plan(run, &command->error))
    return fail(command, code_of(&command->error));
  if (is_apply) {
    if (!changeset_check(&command->changeset, &run->plan, &run->build, &run->remote,
                         &command->error))
      return fail(command, EXIT_REFUSED);
    take_id(command);
  }
  return show_and_apply(command);
}

static int run_rollback(struct sync_command *command) {
  struct sync_run *run = &command->run;
  if (!survey_bucket(run, &command->error)) return fail(command, code_of(&command->error));
  uint64_t number = command->options.release;
  if (number == 0) number = restore_default(&run->manifest);
  if (number == 0) {
    error_set(&command->error, ERROR_CONFLICT,
              "there is no earlier release; 'cruddur sync releases' lists them");
    return fail(command, EXIT_REFUSED);
  }
  if (!restore_plan(run, number, &command->error)) {
    bool gone = command->error.kind == ERROR_NOT_FOUND;
    return fail(command, gone ? EXIT_REFUSED : code_of(&command->error));
  }
  return show_and_apply(command);
}

static int run_releases(struct sync_command *command) {
  if (!survey_bucket(&command->run, &command->error))
    return fail(command, code_of(&command->error));
  sync_screen_releases(&command->screen, &command->run);
  return EXIT_DONE;
}

static int run_verb(struct sync_command *command) {
  if (command->options.verb == SYNC_VERB_APPLY && !read_changeset(command))
    return exit_with("sync", &command->error);
  command->run.observer = sync_screen_open(&command->screen, &command->options);
  if (command->options.verb == SYNC_VERB_APPLY && !take_place(command))
    return fail(command, EXIT_REFUSED);
  command->run.settings = command->options.settings;
  if (!run_open(&command->run, &command->options.config, &command->error))
    return fail(command,
                command->error.kind == ERROR_INVALID ? EXIT_USAGE : code_of(&command->error));
  switch (command->options.verb) {
  case SYNC_VERB_ROLLBACK: return run_rollback(command);
  case SYNC_VERB_RELEASES: return run_releases(command);
  default: return run_sync(command);
  }
}

static int command_sync(int argc, char **argv) {
  struct sync_command *command = calloc(1, sizeof(*command));
  int code = EXIT_FAILED;
  if (!command) return code;
  signal(SIGPIPE, SIG_IGN);
  if (sync_options_read(&command->options, argc, argv, &code)) {
    code = run_verb(command);
    run_close(&command->run);
  }
  arena_free(&command->options.arena);
  free(command);
  return code;
}

const struct subcommand sync_command = {
    .name = "sync",
    .summary = "ship the frontend to S3 and CloudFront",
    .usage = "cruddur sync [OPTION]…                     plan, show, ask, apply, invalidate\n"
             "       cruddur sync plan [OPTION]…\n"
             "       cruddur sync apply CHANGESET [OPTION]…\n"
             "       cruddur sync rollback [RELEASE] [OPTION]…\n"
             "       cruddur sync releases [OPTION]…",
    .description =
        "Ships a build folder to an S3 bucket and invalidates what CloudFront has cached of it.\n"
        "docs/sync.md walks through it.",
    .word = "[VERB]",
    .flags = sync_options_flags,
    .exits = {[EXIT_DONE] = "",
              [EXIT_FAILED] = "it failed before anything was written",
              [EXIT_USAGE] = "",
              [EXIT_PENDING] = "changes are pending",
              [EXIT_REFUSED] = "",
              [EXIT_UNAVAILABLE] = "AWS was not reached",
              [EXIT_CREDENTIALS] = "",
              [EXIT_PARTLY] = ""},
    .run = command_sync,
};
