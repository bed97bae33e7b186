/* sync.c: `cruddur sync`: ships the frontend: plan, show, ask, apply, invalidate; and its verbs
 * plan, apply, rollback and releases.
 *
 * The stages of lib/sync follow one another here: want (the build, or the release of a rollback),
 * have (the bucket), plan, do. Each makes a value that the next one reads; all of them lie in one
 * arena, which is freed at the end. */
#include "commands/commands.h"
#include "commands/exit.h"
#include "commands/sync_options.h"
#include "commands/sync_screen.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/sync/do/release.h"
#include "lib/sync/do/restore.h"
#include "lib/sync/do/sync_apply.h"
#include "lib/sync/plan/changeset.h"
#include "lib/sync/plan/paths.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MICROSECONDS = 1000000 };

struct sync_command {
  struct sync_options options;
  struct sync_screen screen;
  struct sync_session session;
  struct changeset changeset; /* of apply */
  struct error error;

  /* The stages. */
  struct sync_build build;
  struct restore restore; /* of rollback: its build is in the place of `build` */
  struct sync_bucket bucket;
  struct sync_plan plan;
  struct sync_results results;
};

static int end(struct sync_command *command, const char *result, int code) {
  sync_screen_end(&command->screen, &command->plan, &command->results, result, code,
                  command->error.kind == ERROR_NONE ? NULL : command->error.message);
  return code;
}

/* A request that AWS calls invalid is no wrong flag. */
static int fail(struct sync_command *command) {
  int code = command->error.kind == ERROR_INVALID ? EXIT_FAILED : exit_code_of(&command->error);
  return end(command, code == EXIT_REFUSED ? "refused" : "failed", code);
}

/* --- The changeset file --- */

static bool write_changeset(struct sync_command *command) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  const struct sync_settings *settings = &command->options.settings;
  const char *path = command->options.changeset_path;
  /* The whole path, so that it can be applied from another folder. */
  _cleanup_free_ char *folder = realpath(settings->build_folder, NULL);
  changeset_write(&command->plan, settings->distribution, folder ? folder : settings->build_folder,
                  clock_unix_us() / MICROSECONDS, &text);
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
         error_set(&command->error, ERROR_REFUSED, "the changeset is for the %s '%s', not for '%s'",
                   what, planned, now);
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
         error_set(&command->error, ERROR_REFUSED, "%s: this is not a changeset of cruddur sync",
                   command->options.changeset_path);
}

/* --- Want, have, plan --- */

static bool load_build(struct sync_command *command) {
  const struct sync_settings *settings = &command->options.settings;
  struct build_options options = {.folder = settings->build_folder,
                                  .prefix = settings->prefix,
                                  .strip_html = settings->strip_html,
                                  .ignore = settings->ignore,
                                  .rules = &settings->rules};
  return build_load(&options, &command->options.arena, &command->build, &command->error);
}

static bool read_bucket(struct sync_command *command) {
  const struct sync_settings *settings = &command->options.settings;
  struct sync_place place = {settings->bucket, settings->prefix};
  return bucket_read(&command->session, &place, &command->options.arena, &command->bucket,
                     &command->error);
}

/* Compares `build` with the bucket. */
static bool make_plan(struct sync_command *command, const struct sync_build *build) {
  const struct sync_settings *settings = &command->options.settings;
  struct arena *arena = &command->options.arena;
  struct sync_plan_options options = {.ignore = settings->ignore,
                                      .rules = &settings->rules,
                                      .keep_releases = settings->keep_releases,
                                      .keep_days = settings->keep_days,
                                      .now_s = clock_unix_us() / MICROSECONDS};
  return bucket_ask(&command->session, &command->bucket, build, arena, &command->error) &&
         sync_plan_make(build, &command->bucket, &options, arena, &command->plan, &command->error);
}

static bool make_journal(struct sync_command *command) {
  char id[CHANGESET_ID_SIZE];
  changeset_new_id(id);
  return paths_plan_journal(&command->plan, id, command->options.settings.origin_is_prefix,
                            &command->options.arena, &command->error);
}

/* --- Do --- */

static bool may_delete(struct sync_command *command) {
  return sync_plan_may_delete(&command->plan, &command->options.settings.max_delete,
                              &command->error);
}

static int apply(struct sync_command *command) {
  const struct sync_settings *settings = &command->options.settings;
  struct sync_apply_options options = {settings->distribution, settings->wait};
  if (!may_delete(command)) return fail(command);
  if (!command->options.yes && !sync_screen_ask(&command->screen))
    return end(command, "not applied", EXIT_PENDING);
  if (sync_apply(&command->session, &command->plan, &options, &command->options.arena,
                 &command->results, &command->error))
    return end(command, "done", EXIT_DONE);
  if (!command->results.started) return fail(command);
  return end(command, "partly done, run it again to finish", EXIT_PARTLY);
}

static bool only_plans(const struct sync_command *command) {
  return command->options.dry_run || command->options.verb == SYNC_VERB_PLAN;
}

/* What HEAD told is written down, so that the next run need not ask. It is no failure when that
 * cannot be done. */
static int nothing_to_do(struct sync_command *command) {
  struct error ignored = {0};
  if (command->bucket.asked > 0 && !only_plans(command))
    release_learn(&command->session, &command->plan, &command->options.arena, &ignored);
  return end(command, "nothing to do", EXIT_DONE);
}

static int show_and_apply(struct sync_command *command) {
  if (command->options.verb != SYNC_VERB_APPLY && !write_changeset(command)) return fail(command);
  sync_screen_plan(&command->screen, &command->plan);
  if (!sync_plan_has_work(&command->plan)) return nothing_to_do(command);
  if (!only_plans(command)) return apply(command);
  if (!may_delete(command)) return fail(command);
  return end(command, "pending", EXIT_PENDING);
}

/* --- Verbs --- */

/* Uses the changeset's own id, so that it can be followed, but only for its first invalidation:
 * CloudFront would take another one with that id for done. */
static void take_id(struct sync_command *command) {
  const struct manifest *manifest = &command->bucket.manifest;
  bool used = command->bucket.has_earlier;
  for (size_t i = 0; i < manifest->release_count; i++)
    used |= strcmp(manifest->releases[i].id, command->changeset.id) == 0;
  if (!used) command->plan.journal.id = command->changeset.id;
}

static int run_sync(struct sync_command *command) {
  if (!load_build(command) || !read_bucket(command) || !make_plan(command, &command->build) ||
      !make_journal(command))
    return fail(command);
  if (command->options.verb == SYNC_VERB_APPLY) {
    if (!changeset_check(&command->changeset, &command->plan, &command->error))
      return fail(command);
    take_id(command);
  }
  return show_and_apply(command);
}

static int run_rollback(struct sync_command *command) {
  struct arena *arena = &command->options.arena;
  struct restore *restore = &command->restore;
  struct error *error = &command->error;
  if (!read_bucket(command)) return fail(command);
  uint64_t number = command->options.release;
  if (number == 0) number = restore_default(&command->bucket.manifest);
  if (number == 0) {
    error_set(error, ERROR_REFUSED,
              "there is no earlier release; 'cruddur sync releases' lists them");
    return fail(command);
  }
  if (!restore_read(&command->session, &command->bucket, number, arena, restore, error) ||
      !make_plan(command, &restore->build) ||
      !restore_narrow(restore, &command->session, &command->plan, arena, error) ||
      !make_journal(command))
    return fail(command);
  return show_and_apply(command);
}

static int run_releases(struct sync_command *command) {
  if (!read_bucket(command)) return fail(command);
  sync_screen_releases(&command->screen, &command->bucket.manifest);
  return EXIT_DONE;
}

static bool open_session(struct sync_command *command) {
  command->session.observer = sync_screen_observer(&command->screen);
  command->session.jobs = command->options.settings.jobs;
  return sync_session_open(&command->session, &command->options.config, &command->error);
}

static int run_verb(struct sync_command *command) {
  bool is_apply = command->options.verb == SYNC_VERB_APPLY;
  if (is_apply && !read_changeset(command)) return exit_with("sync", &command->error);
  sync_screen_open(&command->screen, &command->options);
  if (is_apply && !take_place(command)) return fail(command);
  if (!open_session(command)) return end(command, "failed", exit_code_of(&command->error));
  switch (command->options.verb) {
  case SYNC_VERB_ROLLBACK: return run_rollback(command);
  case SYNC_VERB_RELEASES: return run_releases(command);
  case SYNC_VERB_SYNC:
  case SYNC_VERB_PLAN:
  case SYNC_VERB_APPLY: break;
  }
  return run_sync(command);
}

static int command_sync(int argc, char **argv) {
  struct sync_command *command = calloc(1, sizeof(*command));
  int code = EXIT_FAILED;
  if (!command) return code;
  signal(SIGPIPE, SIG_IGN);
  if (sync_options_read(&command->options, argc, argv, &code)) {
    code = run_verb(command);
    sync_session_close(&command->session);
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
