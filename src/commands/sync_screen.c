/* sync_screen.c: what people see of a sync. */
#include "commands/sync_screen.h"

#include "lib/base/clock.h"
#include "lib/base/json_writer.h"
#include "lib/base/utf8.h"
#include "lib/sync/want/preview.h"
#include "lib/sync/want/scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DRAW_INTERVAL_US = 100 * 1000, MICROSECONDS = 1000000, PATHS_SHOWN = 20 };

static const char *const COLOURS[SYNC_ACTIONS] = {
    [SYNC_CREATE] = "\033[32m",  [SYNC_UPDATE] = "\033[36m",   [SYNC_HEADERS] = "\033[34m",
    [SYNC_DELETE] = "\033[31m",  [SYNC_KEEP] = "\033[35m",     [SYNC_IGNORE] = "\033[90m",
    [SYNC_FOREIGN] = "\033[90m", [SYNC_NO_CHANGE] = "\033[33m"};

static bool has_colours(FILE *stream) {
  const char *no_colour = getenv("NO_COLOR");
  return isatty(fileno(stream)) && !(no_colour && *no_colour);
}

/* Keys come from strangers: what a terminal would obey is shown as '?'. */
static void print_safely(FILE *stream, const char *text) {
  for (; *text; text++) {
    unsigned char byte = (unsigned char)*text;
    bool c1 = byte == 0xC2 && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] < 0xA0;
    fputc(byte < ' ' || byte == 0x7F || c1 ? '?' : byte, stream);
    if (c1) text++;
  }
}

static void clear_line(struct sync_screen *screen) {
  if (screen->drawn) fputs("\r\033[K", stderr);
  screen->drawn = false;
}

static void on_notice(const char *sentence, void *argument) {
  clear_line(argument);
  fputs("cruddur sync: ", stderr);
  print_safely(stderr, sentence);
  fputc('\n', stderr);
}

static void draw(const struct sync_progress *progress, double seconds) {
  size_t done = progress->done + progress->failed;
  fprintf(stderr, "\r\033[K%s %zu/%zu", progress->what, done, progress->total);
  if (progress->total_bytes > 0)
    fprintf(stderr, ", %.1f of %.1f MB, %.1f MB/s", (double)progress->bytes / 1e6,
            (double)progress->total_bytes / 1e6,
            seconds > 0 ? (double)progress->bytes / 1e6 / seconds : 0);
  if (done > 0 && done < progress->total)
    fprintf(stderr, ", %.0f s left", seconds / (double)done * (double)(progress->total - done));
  if (progress->failed > 0) fprintf(stderr, ", %zu failed", progress->failed);
}

static void on_progress(const struct sync_progress *progress, void *argument) {
  struct sync_screen *screen = argument;
  uint64_t now_us = clock_monotonic_us();
  if (!screen->draws) return;
  if (screen->step != progress->what) {
    screen->step = progress->what;
    screen->step_us = now_us;
    screen->drawn_us = 0;
  }
  if (now_us - screen->drawn_us < DRAW_INTERVAL_US) return;
  screen->drawn_us = now_us;
  screen->drawn = true;
  draw(progress, (double)(now_us - screen->step_us) / MICROSECONDS);
}

void sync_screen_open(struct sync_screen *screen, const struct sync_options *options) {
  const char *terminal = getenv("TERM");
  *screen = (struct sync_screen){.options = options, .start_us = clock_monotonic_us()};
  screen->draws = isatty(STDERR_FILENO) && !(terminal && strcmp(terminal, "dumb") == 0);
}

struct sync_observer sync_screen_observer(struct sync_screen *screen) {
  return (struct sync_observer){on_notice, on_progress, screen};
}

static void print_action(enum sync_action action, bool colours) {
  fprintf(stdout, "%s%s%s", colours ? COLOURS[action] : "", sync_plan_action_name(action),
          colours ? "\033[0m" : "");
}

static void print_line(enum sync_action action, const char *key, bool colours) {
  putchar('\t');
  print_action(action, colours);
  putchar(' ');
  print_safely(stdout, key);
  putchar('\n');
}

/* 312 B, 4.1 kB, 2.0 MB. */
static void print_size(uint64_t bytes) {
  if (bytes < 1000)
    printf("%" PRIu64 " B", bytes);
  else if (bytes < 1000 * 1000)
    printf("%.1f kB", (double)bytes / 1e3);
  else
    printf("%.1f MB", (double)bytes / 1e6);
}

/* What an object's size is, was and becomes. */
static void print_sizes(const struct sync_change *change) {
  const struct bucket_object *before = change->before;
  const struct sync_object *object = change->object;
  if (!before && !object) return;
  fputs("  (", stdout);
  if (before) print_size(before->size);
  if (before && object && change->action == SYNC_UPDATE) fputs(" → ", stdout);
  if (object && (!before || change->action == SYNC_UPDATE)) print_size(object->size);
  putchar(')');
}

static void print_change(const struct sync_change *change, bool colours) {
  putchar('\t');
  print_action(change->action, colours);
  putchar(' ');
  print_safely(stdout, change->key);
  print_sizes(change);
  putchar('\n');
  for (size_t i = 0; change->action == SYNC_HEADERS && i < SYNC_HEADER_COUNT; i++) {
    const char *old = change->before->asked ? change->before->headers.values[i] : "?";
    const char *new = change->object->headers.values[i];
    if (strcmp(old, new) == 0) continue;
    printf("\t\t%s: ", object_headers_name(i));
    print_safely(stdout, *old ? old : "none");
    fputs(" → ", stdout);
    print_safely(stdout, *new ? new : "none");
    putchar('\n');
  }
}

static void print_paths(const struct journal_paths *paths, size_t *shown) {
  for (size_t i = 0; i < paths->count && *shown < PATHS_SHOWN; i++, (*shown)++)
    printf("\tinvalidate %s\n", paths->paths[i]);
}

static void print_changes(const struct sync_screen *screen, const struct sync_plan *plan,
                          bool colours) {
  const bool *silent = screen->options->silent;
  for (size_t i = 0; i < plan->count; i++)
    if (!silent[plan->changes[i].action]) print_change(&plan->changes[i], colours);
  for (size_t i = 0; !silent[SYNC_NO_CHANGE] && i < plan->build->count; i++)
    if (!sync_plan_find(plan, plan->build->objects[i].key))
      print_line(SYNC_NO_CHANGE, plan->build->objects[i].key, colours);
}

static void print_summary(const struct sync_plan *plan, bool invalidates, bool colours) {
  const struct journal *journal = &plan->journal;
  size_t shown = 0, paths = journal->changed.count + journal->deleted.count;
  if (invalidates) {
    print_paths(&journal->changed, &shown);
    print_paths(&journal->deleted, &shown);
    if (paths > shown) printf("\t… and %zu more paths; the changeset lists them\n", paths - shown);
  }
  puts("---");
  for (enum sync_action action = 0; action < SYNC_ACTIONS; action++) {
    print_action(action, colours);
    printf(": %zu%s", plan->counts[action], action + 1 < SYNC_ACTIONS ? "   " : "\n");
  }
  printf("upload: %.1f MB   invalidate: %zu paths\n", (double)plan->upload_bytes / 1e6,
         invalidates ? paths : 0);
  if (*plan->bucket->holder)
    printf("%s is syncing this bucket right now.\n", plan->bucket->holder);
  else if (plan->bucket->has_earlier)
    puts("An earlier run was cut off: this one finishes it.");
  if (!invalidates) puts("No distribution is set: nothing will be invalidated.");
}

void sync_screen_plan(struct sync_screen *screen, const struct sync_plan *plan) {
  const struct sync_place *place = &plan->bucket->place;
  bool colours = has_colours(stdout);
  clear_line(screen);
  if (screen->options->json) return;
  printf("---[ Plan ]---\nbucket: %s", place->bucket);
  if (*place->prefix) printf(", below %s", place->prefix);
  printf("\nchangeset: %s\n\n", plan->journal.id);
  print_changes(screen, plan, colours);
  print_summary(plan, *screen->options->settings.distribution != '\0', colours);
  fflush(stdout);
}

bool sync_screen_ask(const struct sync_screen *screen) {
  char answer[16];
  FILE *stream = screen->options->json ? stderr : stdout;
  fputs("Execute the plan? Type: yes or no\n> ", stream);
  fflush(stream);
  if (!fgets(answer, sizeof(answer), stdin)) return false;
  answer[strcspn(answer, "\r\n")] = '\0';
  return strcmp(answer, "yes") == 0;
}

/* A message may quote a file's name that is not UTF-8: each byte of such a text that is no ASCII is
 * shown as '?'. */
static void append_text(struct buffer *output, const char *text) {
  bool valid = utf8_valid(str_from(text));
  struct buffer safe = BUFFER_EMPTY;
  for (; *text; text++)
    buffer_append_char(&safe, valid || (unsigned char)*text < 0x80 ? *text : '?');
  json_writer_string(output, buffer_str(&safe));
  buffer_free(&safe);
}

static void append_changes(struct buffer *output, const struct sync_plan *plan) {
  for (size_t i = 0; i < plan->count; i++) {
    const struct sync_change *change = &plan->changes[i];
    buffer_append_format(output, "%s{\"action\":\"%s\",\"key\":", i == 0 ? "" : ",",
                         sync_plan_action_name(change->action));
    append_text(output, change->key);
    if (change->before) buffer_append_format(output, ",\"before\":%" PRIu64, change->before->size);
    if (change->object) buffer_append_format(output, ",\"size\":%" PRIu64, change->object->size);
    buffer_append_char(output, '}');
  }
}

static void append_paths(struct buffer *output, const struct sync_plan *plan) {
  const struct journal_paths *const ALL[] = {&plan->journal.changed, &plan->journal.deleted};
  const char *separator = "";
  for (size_t list = 0; list < sizeof(ALL) / sizeof(ALL[0]); list++)
    for (size_t i = 0; i < ALL[list]->count; i++) {
      buffer_append_text(output, separator);
      append_text(output, ALL[list]->paths[i]);
      separator = ",";
    }
}

/* How a run ended. */
struct screen_end {
  const char *result, *sentence; /* the sentence may be NULL */
  int exit_code;
  double seconds;
};

static void end_in_json(const struct sync_plan *plan, const struct sync_results *results,
                        const char *path, const struct screen_end *ended) {
  struct buffer output = BUFFER_EMPTY;
  buffer_append_text(&output, "{\"result\":");
  append_text(&output, ended->result);
  buffer_append_format(&output, ",\"exit_code\":%d,\"changeset\":", ended->exit_code);
  append_text(&output, path);
  buffer_append_text(&output, ",\"message\":");
  if (ended->sentence)
    append_text(&output, ended->sentence);
  else
    buffer_append_text(&output, "null");
  buffer_append_text(&output, ",\"plan\":{");
  for (enum sync_action action = 0; action < SYNC_ACTIONS; action++)
    buffer_append_format(&output, "%s\"%s\":%zu", action == 0 ? "" : ",",
                         sync_plan_action_name(action), plan->counts[action]);
  buffer_append_text(&output, "},\"changes\":[");
  append_changes(&output, plan);
  buffer_append_text(&output, "],\"invalidate\":[");
  append_paths(&output, plan);
  buffer_append_format(&output,
                       "],\"uploaded\":%zu,\"copied\":%zu,\"deleted\":%zu,\"failed\":%zu,"
                       "\"invalidated\":%zu,\"bytes\":%" PRIu64 ",\"seconds\":%.3f}\n",
                       results->uploaded, results->copied, results->deleted, results->failed,
                       results->invalidated, results->bytes, ended->seconds);
  fputs(buffer_text(&output), stdout);
  buffer_free(&output);
}

void sync_screen_end(struct sync_screen *screen, const struct sync_plan *plan,
                     const struct sync_results *results, const char *result, int exit_code,
                     const char *sentence) {
  double seconds = (double)(clock_monotonic_us() - screen->start_us) / MICROSECONDS;
  clear_line(screen);
  if (sentence) on_notice(sentence, screen);
  if (screen->options->json) {
    struct screen_end ended = {result, sentence, exit_code, seconds};
    end_in_json(plan, results, screen->options->changeset_path, &ended);
    return;
  }
  printf("%s: %zu uploaded, %zu copied, %zu deleted, %zu failed, %zu paths invalidated, %" PRIu64
         " bytes in %.2f s\n",
         result, results->uploaded, results->copied, results->deleted, results->failed,
         results->invalidated, results->bytes, seconds);
}

void sync_screen_forget(struct sync_screen *screen, const struct forget *forget) {
  clear_line(screen);
  if (screen->options->json) return;
  printf("---[ Forget ]---\nbucket: %s\n\n", forget->bucket->place.bucket);
  for (size_t i = 0; i < forget->doomed_count; i++)
    print_line(SYNC_DELETE, forget->doomed[i], has_colours(stdout));
  for (size_t i = 0; i < forget->loss_count; i++) {
    const struct forget_loss *loss = &forget->losses[i];
    printf("\trelease %" PRIu64 " loses ", loss->release);
    print_safely(stdout, loss->key);
    puts(loss->is_shared ? " as well, which has the same content" : "");
  }
  puts("---");
  fflush(stdout);
}

/* --- Releases --- */

/* What can be done with a release. */
static const char *state_of(const struct sync_bucket *bucket, const struct known_release *release) {
  char name[64];
  bool has_list = false;
  snprintf(name, sizeof(name), SYNC_STATE_FOLDER "releases/%" PRIu64 ".json", release->number);
  for (size_t i = 0; i < bucket->count && !has_list; i++)
    has_list = strcmp(place_below(&bucket->place, bucket->objects[i].key), name) == 0;
  return release->number == bucket->manifest.sequence ? "served" : has_list ? "kept" : "gone";
}

static void print_member(const char *name, const char *text) {
  struct buffer output = BUFFER_EMPTY;
  buffer_append_format(&output, ",\"%s\":", name);
  json_writer_string(&output, str_from(text));
  fputs(buffer_text(&output), stdout);
  buffer_free(&output);
}

static void print_release_as_json(const struct known_release *release, const char *created,
                                  const char *state, bool first) {
  printf("%s{\"number\":%" PRIu64 ",\"created\":\"%s\",\"files\":%" PRIu64 ",\"restored\":%" PRIu64,
         first ? " " : ",", release->number, created, release->files, release->restored);
  print_member("state", state);
  print_member("commit", release->origin.commit);
  print_member("author", release->origin.author);
  print_member("message", release->origin.message);
  puts("}");
}

static void print_release(const struct known_release *release, const char *created,
                          const char *state) {
  const struct build_origin *origin = &release->origin;
  const char *const TEXTS[] = {origin->commit, origin->author, origin->message};
  printf("%6" PRIu64 "  %.19s  %-6s  ", release->number, created, state);
  if (release->restored > 0)
    printf("pages of release %" PRIu64 " put back", release->restored);
  else
    printf("%" PRIu64 " objects", release->files);
  for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
    if (*TEXTS[i]) fputs("  ", stdout);
    print_safely(stdout, TEXTS[i]);
  }
  putchar('\n');
}

static void print_cut_off(const struct sync_bucket *bucket, bool json, bool first) {
  const struct journal *earlier = &bucket->earlier;
  const char *state = *bucket->holder ? "running" : "interrupted";
  if (json) {
    printf("%s{\"number\":null", first ? " " : ",");
    print_member("state", state);
    print_member("id", earlier->id);
    puts("}");
    return;
  }
  printf("     -  %s: ", state);
  if (earlier->restored > 0) printf("a rollback to release %" PRIu64 ", ", earlier->restored);
  fputs("changeset ", stdout);
  print_safely(stdout, earlier->id);
  puts(*bucket->holder ? "" : "; objects of it may be served: sync again, or roll back");
}

/* Each preview by the manifest of its sync. */
static void print_previews(const struct sync_bucket *bucket, bool json, bool first) {
  for (size_t i = 0; i < bucket->count; i++) {
    const char *below = place_below(&bucket->place, bucket->objects[i].key);
    size_t length = preview_folder_length(below), folder = strlen(PREVIEW_FOLDER);
    char touched[CLOCK_RFC3339_SIZE], name[SYNC_KEY_LENGTH_LIMIT + 1];
    if (length == 0 || strcmp(below + length, SYNC_STATE_FOLDER "manifest.json") != 0) continue;
    clock_format_rfc3339(bucket->objects[i].modified_s * MICROSECONDS, touched);
    snprintf(name, sizeof(name), "%.*s", (int)(length - folder - 1), below + folder);
    if (json) {
      printf("%s{\"number\":null", first ? " " : ",");
      print_member("state", "preview");
      print_member("name", name);
      print_member("created", touched);
      puts("}");
    } else {
      printf("     -  %.19s  preview ", touched);
      print_safely(stdout, name);
      putchar('\n');
    }
    first = false;
  }
}

void sync_screen_releases(const struct sync_screen *screen, const struct sync_bucket *bucket) {
  const struct manifest *manifest = &bucket->manifest;
  bool json = screen->options->json;
  if (json) puts("[");
  for (size_t i = 0; i < manifest->release_count; i++) {
    const struct known_release *release = &manifest->releases[i];
    char created[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(release->created_s * MICROSECONDS, created);
    const char *state = state_of(bucket, release);
    if (json)
      print_release_as_json(release, created, state, i == 0);
    else
      print_release(release, created, state);
  }
  if (bucket->has_earlier) print_cut_off(bucket, json, manifest->release_count == 0);
  print_previews(bucket, json, manifest->release_count == 0 && !bucket->has_earlier);
  if (json) puts("]");
  if (!json && manifest->release_count == 0) puts("There is no release yet.");
}
