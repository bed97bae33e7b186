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
#include "lib/sync/do/forget.h"
#include "lib/sync/do/release.h"
#include "lib/sync/do/restore.h"
#include "lib/sync/do/sync_apply.h"
#include "lib/sync/have/sync_lock.h"
#include "lib/sync/plan/changeset.h"
#include "lib/sync/plan/guard.h"
#include "lib/sync/plan/paths.h"
#include "lib/sync/want/build_origin.h"
#include "lib/sync/want/preview.h"

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
  struct build_origin origin;
  struct sync_lock *lock; /* from before the first write on; NULL: it was not taken yet */
  struct error error;

  /* The stages. */
  struct sync_build build;
  struct restore restore; /* of rollback: its build is in the place of `build` */
  struct sync_bucket bucket;
  struct sync_plan plan;
  struct forget forget; /* of forget */
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

/* A dry run needs no folder that it may write to. */
static bool keep_changeset(struct sync_command *command) {
  if (write_changeset(command)) return true;
  if (!command->options.dry_run) return false;
  fprintf(stderr, "cruddur sync: %s; the plan is shown all the same\n", command->error.message);
  command->error = (struct error){0};
  return true;
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
  struct sync_settings *settings = &command->options.settings;
  struct build_options options = {.folder = settings->build_folder,
                                  .prefix = settings->prefix,
                                  .strip_html = settings->strip_html,
                                  .ignore = settings->ignore,
                                  .rules = &settings->rules};
  build_read_lists(settings->build_folder, &command->options.arena, &settings->rules.listed);
  return build_load(&options, &command->options.arena, &command->build, &command->error) &&
         (!settings->preview || preview_check(&command->build, settings->prefix, &command->error));
}

static struct sync_place place_of(const struct sync_command *command) {
  const struct sync_settings *settings = &command->options.settings;
  return (struct sync_place){settings->bucket, settings->prefix, settings->storage};
}

/* Who reads without the lock may meet a run that is under way. */
static bool read_bucket(struct sync_command *command) {
  struct sync_place place = place_of(command);
  struct arena *arena = &command->options.arena;
  struct sync_bucket *bucket = &command->bucket;
  return bucket_read(&command->session, &place, arena, bucket, &command->error) &&
         (command->lock || !bucket->has_earlier ||
          sync_lock_look(&command->session, &command->options.config, &place, arena,
                         &bucket->holder, &command->error));
}

/* Compares `build` with the bucket. */
static bool make_plan(struct sync_command *command, const struct sync_build *build) {
  const struct sync_settings *settings = &command->options.settings;
  struct arena *arena = &command->options.arena;
  struct sync_plan_options options = {.ignore = settings->ignore,
                                      .delete_foreign =
                                          guard_limit_means_foreign(&settings->max_delete),
                                      .rules = &settings->rules,
                                      .keep_releases = settings->keep_releases,
                                      .keep_days = settings->keep_days,
                                      .now_s = clock_unix_us() / MICROSECONDS,
                                      .origin = command->origin,
                                      .preview_days = settings->preview_days};
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

static bool may_apply(struct sync_command *command) {
  const struct sync_settings *settings = &command->options.settings;
  return (settings->allow_missing_index || guard_index(&command->plan, &command->error)) &&
         guard_deletions(&command->plan, &settings->max_delete, &command->error);
}

static bool open_lock(struct sync_command *command) {
  struct sync_place place = place_of(command);
  return sync_lock_open(&command->session, &command->options.config, &place,
                        command->options.settings.lock_wait_s, &command->lock, &command->error);
}

/* From here on a signal ends the run in order. */
static bool take_lock(struct sync_command *command, bool *ret_undisturbed) {
  sync_session_watch_signals(&command->session);
  return sync_lock_take(command->lock, ret_undisturbed, &command->error);
}

/* What people want to know of a run that did not end: do visitors see something new? */
static const char *partly_done(const struct sync_command *command) {
  const struct sync_plan *plan = &command->plan;
  for (size_t i = 0; i < plan->count; i++)
    if (command->results.written[i].done && plan->changes[i].class == SYNC_PAGE)
      return "partly done, some pages are new; run it again to finish";
  return "partly done, no page was changed yet; run it again to finish";
}

static int apply(struct sync_command *command) {
  const struct sync_settings *settings = &command->options.settings;
  struct sync_apply_options options = {settings->distribution, settings->wait};
  if (sync_apply(&command->session, &command->plan, &options, &command->options.arena,
                 &command->results, &command->error))
    return end(command, "done", EXIT_DONE);
  if (!command->results.started) return fail(command);
  return end(command, partly_done(command), EXIT_PARTLY);
}

static bool only_plans(const struct sync_command *command) {
  return command->options.dry_run || command->options.verb == SYNC_VERB_PLAN;
}

/* What HEAD told is written down, so that the next run need not ask. It is no failure when that
 * cannot be done. */
static int nothing_to_do(struct sync_command *command) {
  struct error ignored = {0};
  bool undisturbed = false;
  if (command->bucket.asked > 0 && command->lock && take_lock(command, &undisturbed) && undisturbed)
    release_learn(&command->session, &command->plan, &command->options.arena, &ignored);
  command->error = (struct error){0};
  return end(command, "nothing to do", EXIT_DONE);
}

/* --- The verbs that change something --- */

/* Uses the changeset's own id, so that it can be followed, but only for its first invalidation:
 * CloudFront would take another one with that id for done. */
static void take_id(struct sync_command *command) {
  const struct manifest *manifest = &command->bucket.manifest;
  bool used = command->bucket.has_earlier;
  for (size_t i = 0; i < manifest->release_count; i++)
    used |= strcmp(manifest->releases[i].id, command->changeset.id) == 0;
  if (!used) command->plan.journal.id = command->changeset.id;
}

static bool plan_build(struct sync_command *command) {
  if (!make_plan(command, &command->build) || !make_journal(command)) return false;
  if (command->options.verb != SYNC_VERB_APPLY) return true;
  if (!changeset_check(&command->changeset, &command->plan, &command->error)) return false;
  take_id(command);
  return true;
}

static bool plan_rollback(struct sync_command *command) {
  struct arena *arena = &command->options.arena;
  struct restore *restore = &command->restore;
  struct error *error = &command->error;
  uint64_t number = command->options.release;
  if (number == 0) number = restore_default(&command->bucket);
  if (number == 0)
    return error_set(error, ERROR_REFUSED,
                     "there is no earlier release; 'cruddur sync releases' lists them");
  return restore_read(&command->session, &command->bucket, number, arena, restore, error) &&
         make_plan(command, &restore->build) &&
         restore_narrow(restore, &command->session, &command->plan, arena, error) &&
         make_journal(command);
}

static bool plan_from_bucket(struct sync_command *command) {
  bool is_rollback = command->options.verb == SYNC_VERB_ROLLBACK;
  return read_bucket(command) && (is_rollback ? plan_rollback(command) : plan_build(command));
}

/* The bucket is read again after the lock was taken, and must be as it was shown. */
static bool plan_again(struct sync_command *command) {
  struct sync_plan *shown = arena_take(&command->options.arena, sizeof(*shown));
  if (!shown) return error_set(&command->error, ERROR_MEMORY, "out of memory");
  *shown = command->plan;
  struct sync_bucket *old = arena_take(&command->options.arena, sizeof(*old));
  if (!old) return error_set(&command->error, ERROR_MEMORY, "out of memory");
  *old = command->bucket;
  shown->bucket = old;
  if (!plan_from_bucket(command) || !changeset_agrees(shown, &command->plan, &command->error))
    return false;
  command->plan.journal.id = shown->journal.id;
  return true;
}

static void find_origin(struct sync_command *command) {
  const struct sync_settings *settings = &command->options.settings;
  struct arena *arena = &command->options.arena;
  command->origin = build_origin_find(settings->build_folder, settings->message, arena);
  if (command->options.verb != SYNC_VERB_ROLLBACK) return;
  command->origin.commit = ""; /* that of the release that comes back */
  if (!settings->message) command->origin.message = "";
}

/* A plan that may be applied; false with `*ret_code`: the run has ended. */
static bool prepare(struct sync_command *command, int *ret_code) {
  bool writes = command->options.verb != SYNC_VERB_APPLY;
  if (!plan_from_bucket(command) || (writes && !keep_changeset(command))) {
    *ret_code = fail(command);
    return false;
  }
  sync_screen_plan(&command->screen, &command->plan);
  bool has_work = sync_plan_has_work(&command->plan);
  if (has_work && may_apply(command)) return true;
  *ret_code = has_work ? fail(command) : nothing_to_do(command);
  return false;
}

/* Takes the lock. When another run has held it meanwhile, or a person has thought it over, the
 * bucket is read again. */
static bool begin(struct sync_command *command, bool asked, int *ret_code) {
  bool undisturbed;
  if (!take_lock(command, &undisturbed) || (asked && !plan_again(command))) {
    *ret_code = fail(command);
    return false;
  }
  return asked || undisturbed || prepare(command, ret_code);
}

static int run_change(struct sync_command *command) {
  bool asks = !command->options.yes && !only_plans(command);
  int code;
  find_origin(command);
  if (command->options.verb != SYNC_VERB_ROLLBACK && !load_build(command)) return fail(command);
  if (!only_plans(command) && !open_lock(command)) return fail(command);
  if (!prepare(command, &code)) return code;
  if (only_plans(command)) return end(command, "pending", EXIT_PENDING);
  if (asks && !sync_screen_ask(&command->screen)) return end(command, "not applied", EXIT_PENDING);
  return begin(command, asks, &code) ? apply(command) : code;
}

/* --- Forgetting --- */

static bool find_forgotten(struct sync_command *command) {
  const struct sync_options *options = &command->options;
  return read_bucket(command) &&
         forget_find(&command->session, &command->bucket, options->paths, options->path_count,
                     &command->options.arena, &command->forget, &command->error);
}

static int forget(struct sync_command *command) {
  const struct sync_settings *settings = &command->options.settings;
  char id[CHANGESET_ID_SIZE];
  bool undisturbed;
  changeset_new_id(id);
  if (!take_lock(command, &undisturbed) || (!undisturbed && !find_forgotten(command)))
    return fail(command);
  command->results.arena = &command->options.arena;
  if (forget_apply(&command->session, &command->forget, settings->distribution, id,
                   settings->origin_is_prefix, settings->wait, &command->results, &command->error))
    return end(command, "done", EXIT_DONE);
  return command->results.started ? end(command, "partly done, run it again", EXIT_PARTLY)
                                  : fail(command);
}

static int run_forget(struct sync_command *command) {
  if ((!command->options.dry_run && !open_lock(command)) || !find_forgotten(command))
    return fail(command);
  sync_screen_forget(&command->screen, &command->forget);
  if (command->options.dry_run) return end(command, "pending", EXIT_PENDING);
  if (!command->options.yes && !sync_screen_ask(&command->screen))
    return end(command, "not applied", EXIT_PENDING);
  return forget(command);
}

static int run_releases(struct sync_command *command) {
  if (!read_bucket(command)) return fail(command);
  sync_screen_releases(&command->screen, &command->bucket);
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
  if (command->options.verb == SYNC_VERB_RELEASES) return run_releases(command);
  if (command->options.verb == SYNC_VERB_FORGET) return run_forget(command);
  return run_change(command);
}

static int command_sync(int argc, char **argv) {
  struct sync_command *command = calloc(1, sizeof(*command));
  int code = EXIT_FAILED;
  if (!command) return code;
  signal(SIGPIPE, SIG_IGN);
  if (sync_options_read(&command->options, &sync_command, argc, argv, &code)) {
    code = run_verb(command);
    sync_lock_give_back(command->lock);
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
             "       cruddur sync releases [OPTION]…\n"
             "       cruddur sync forget PATH… [OPTION]…",
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
