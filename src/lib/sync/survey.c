/* survey.c: see survey.h. */
#include "lib/sync/survey.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/sync/pool.h"

#include <stdlib.h>

enum { MICROSECONDS = 1000000 };

bool survey_build(struct sync_run *run, struct error *error) {
  const struct sync_settings *settings = &run->settings;
  struct build_options options = {.folder = settings->build_folder,
                                  .prefix = settings->prefix,
                                  .strip_html = settings->strip_html,
                                  .ignore = settings->ignore,
                                  .rules = &settings->rules,
                                  .cache_path = settings->cache_path};
  return build_load(&options, &run->arena, &run->build, error);
}

/* --- The bucket --- */

static bool read_manifest(struct sync_run *run, struct error *error) {
  _cleanup_(buffer_free) struct buffer body = BUFFER_EMPTY;
  struct error problem = {0};
  bool found = false;
  const char *key = run_state_key(run, "manifest.json");
  if (!remote_find(&run->remote, key)) return true;
  if (!run_get(run, key, MANIFEST_SIZE_LIMIT, &body, &found, error)) return false;
  if (!found) return true;
  run->has_manifest = manifest_parse(buffer_str(&body), &run->arena, &run->manifest, &problem);
  if (!run->has_manifest)
    run_notice(run,
               "the manifest of earlier syncs cannot be read (%s): it is made anew, earlier "
               "releases cannot be put back",
               problem.message);
  return true;
}

static bool read_journal(struct sync_run *run, struct error *error) {
  _cleanup_(buffer_free) struct buffer body = BUFFER_EMPTY;
  bool found = false;
  const char *key = run_state_key(run, "journal.json");
  if (!remote_find(&run->remote, key)) return true;
  if (!run_get(run, key, JOURNAL_SIZE_LIMIT, &body, &found, error)) return false;
  if (!found) return true;
  struct error problem = {0};
  run->has_earlier = journal_parse(buffer_str(&body), &run->arena, &run->earlier, &problem);
  if (run->has_earlier) return true;
  /* What an unreadable journal owes is unknown: everything may be. */
  run->earlier = (struct journal){.id = "unknown", .target = "unknown"};
  run->has_earlier = true;
  return invalidation_add(&run->earlier.changed, "/*") ||
         error_set(error, ERROR_MEMORY, "out of memory");
}

static bool on_entry(const struct s3_entry *entry, void *argument) {
  struct sync_run *run = argument;
  struct remote_object object = {.key = arena_copy(&run->arena, entry->key),
                                 .etag = arena_copy(&run->arena, entry->etag),
                                 .size = entry->size,
                                 .modified_s = entry->modified_s,
                                 .stored_md5 = "",
                                 .headers = SYNC_HEADERS_EMPTY};
  /* A server that ignores the prefix must not make us touch a neighbour's keys. */
  if (!str_starts_with(entry->key, str_from(run->settings.prefix))) return true;
  return !run->arena.failed && remote_add(&run->remote, &object);
}

static bool list_bucket(struct sync_run *run, struct error *error) {
  if (!s3_list(&run->aws, &run->bucket, run->settings.prefix, on_entry, run, error))
    return error_prefix(error, "listing the bucket %s", run->settings.bucket);
  remote_sort(&run->remote);
  return true;
}

bool survey_bucket(struct sync_run *run, struct error *error) {
  return list_bucket(run, error) && read_manifest(run, error) && read_journal(run, error);
}

/* --- Questions --- */

struct question {
  struct pool *pool;
  size_t index;
  struct remote_object *object;
};

static const char *header_copy(struct sync_run *run, const struct aws_response *response,
                               const char *name) {
  return arena_copy(&run->arena, aws_response_header(response, str_from(name)));
}

static bool is_encrypted(const struct aws_response *response) {
  struct str method = aws_response_header(response, STR("x-amz-server-side-encryption"));
  struct str customer =
      aws_response_header(response, STR("x-amz-server-side-encryption-customer-algorithm"));
  return str_starts_with(method, STR("aws:kms")) || customer.length > 0;
}

static void on_head(const struct aws_response *response, void *argument) {
  struct question *question = argument;
  struct sync_run *run = question->pool->run;
  struct remote_object *object = question->object;
  if (!response->error) {
    object->asked = true;
    object->encrypted = is_encrypted(response);
    object->stored_md5 = header_copy(run, response, "x-amz-meta-cruddur-md5");
    for (size_t i = 0; i < SYNC_HEADER_COUNT; i++)
      headers_set(&object->headers, i, header_copy(run, response, SYNC_HEADER_NAMES[i]));
  }
  pool_ended(question->pool, question->index, 0, response->error);
}

static void ask(struct pool *pool, size_t index) {
  struct question *question = &((struct question *)pool->argument)[index];
  struct error error = {0};
  question->pool = pool;
  question->index = index;
  if (s3_head(pool->run->aws.client, &pool->run->bucket, question->object->key, on_head, question,
              &error))
    return;
  pool_ended(pool, index, 0, &error);
}

/* An object that was uploaded in parts has an ETag that is made of the parts' checksums. */
static void check_parts(struct sync_run *run, const struct sync_object *object,
                        struct remote_object *remote) {
  _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY;
  if (!strchr(remote->etag, '-') || object->variant != SYNC_PLAIN) return;
  buffer_append_format(&path, "%s/%s", run->settings.build_folder, object->path);
  remote->fits_multipart = digest_fits_multipart(buffer_text(&path), object->size, remote->etag);
}

static size_t collect_questions(struct sync_run *run, struct question *questions) {
  size_t count = 0;
  for (size_t i = 0; i < run->build.count; i++) {
    const struct sync_object *object = &run->build.objects[i];
    struct remote_object *remote = remote_find(&run->remote, object->key);
    if (!remote || !sync_plan_must_ask(object, remote, &run->manifest)) continue;
    check_parts(run, object, remote);
    questions[count++].object = remote;
  }
  return count;
}

static bool ask_all(struct sync_run *run, struct error *error) {
  _cleanup_free_ struct question *questions = calloc(run->build.count + 1, sizeof(struct question));
  if (!questions) return error_set(error, ERROR_MEMORY, "out of memory");
  run->asked = collect_questions(run, questions);
  struct pool pool = {.run = run,
                      .argument = questions,
                      .start = ask,
                      .count = run->asked,
                      .progress = {.what = "comparing"}};
  if (pool_work(&pool)) return true;
  *error = pool.first_error;
  return error_prefix(error, "reading the headers of an object");
}

/* --- The plan --- */

/* Stands for everything that the bucket is to become. */
static bool describe_target(struct sync_run *run, const char **ret_target) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  char digest[DIGEST_SHORT_SIZE], sha[DIGEST_SHA256_SIZE];
  for (size_t i = 0; i < run->build.count; i++) {
    const struct sync_object *object = &run->build.objects[i];
    headers_digest(&object->headers, digest);
    buffer_append_format(&text, "%s\n%s\n%s\n", object->key, object->md5, digest);
  }
  if (text.failed) return false;
  digest_sha256(buffer_str(&text), sha);
  *ret_target = arena_copy(&run->arena, str_from(sha));
  return true;
}

static const char *path_key(const struct sync_run *run, const char *key) {
  return run->settings.origin_is_prefix ? key + strlen(run->settings.prefix) : key;
}

struct key_list {
  struct invalidation_key *keys;
  size_t count;
};

static int compare_keys(const void *a, const void *b) {
  return strcmp(((const struct invalidation_key *)a)->key,
                ((const struct invalidation_key *)b)->key);
}

/* What was not there before is in no cache; what stays as it is, is right in all of them. */
static bool is_stale(const struct sync_change *change, enum sync_action from, enum sync_action to) {
  return change->action >= from && change->action <= to;
}

/* All keys of the bucket, which are those that a cache may hold, each with what becomes of it. */
static bool plan_paths(struct sync_run *run, enum sync_action from, enum sync_action to,
                       struct invalidation_paths *paths, struct error *error) {
  struct key_list list = {.keys = calloc(run->remote.count + 1, sizeof(*list.keys))};
  if (!list.keys) return error_set(error, ERROR_MEMORY, "out of memory");
  const char *state = run_state_key(run, "");
  for (size_t i = 0; i < run->remote.count; i++) {
    const char *key = run->remote.objects[i].key;
    const struct sync_change *change = sync_plan_find(&run->plan, key);
    if (str_starts_with(str_from(key), str_from(state))) continue;
    enum sync_class class = change ? change->class : sync_plan_class_of_key(key);
    list.keys[list.count++] =
        (struct invalidation_key){.key = path_key(run, key),
                                  .changed = change && is_stale(change, from, to),
                                  .asset = class == SYNC_ASSET};
  }
  qsort(list.keys, list.count, sizeof(list.keys[0]), compare_keys);
  bool planned = invalidation_plan(list.keys, list.count, &run->arena, paths, error);
  free(list.keys);
  return planned;
}

bool survey_journal(struct sync_run *run, struct error *error) {
  char id[CHANGESET_ID_SIZE];
  changeset_new_id(id);
  journal_free(&run->journal);
  run->journal.id = arena_copy(&run->arena, str_from(id));
  const size_t *counts = run->plan.counts;
  bool has_uploads = counts[SYNC_CREATE] + counts[SYNC_UPDATE] + counts[SYNC_HEADERS] > 0;
  if (!describe_target(run, &run->journal.target))
    return error_set(error, ERROR_MEMORY, "out of memory");
  if (!plan_paths(run, SYNC_UPDATE, SYNC_HEADERS, &run->journal.changed, error) ||
      !plan_paths(run, SYNC_DELETE, SYNC_DELETE, &run->journal.deleted, error))
    return false;
  if (run->has_earlier && !journal_inherit(&run->journal, &run->earlier, has_uploads, &run->arena))
    return error_set(error, ERROR_MEMORY, "out of memory");
  return !run->arena.failed || error_set(error, ERROR_MEMORY, "out of memory");
}

bool survey_plan(struct sync_run *run, struct error *error) {
  struct plan_options options = {.prefix = run->settings.prefix,
                                 .ignore = run->settings.ignore,
                                 .rules = &run->settings.rules,
                                 .keep_releases = run->settings.keep_releases,
                                 .keep_days = run->settings.keep_days,
                                 .now_s = clock_unix_us() / MICROSECONDS};
  return ask_all(run, error) &&
         sync_plan_make(&run->build, &run->remote, &run->manifest, &options, &run->plan, error) &&
         survey_journal(run, error);
}

bool survey_has_work(const struct sync_run *run) {
  return sync_plan_has_work(&run->plan) || run->has_earlier;
}

bool survey_guard(const struct sync_run *run, struct error *error) {
  size_t limit, deletes = run->plan.counts[SYNC_DELETE];
  if (!sync_plan_delete_limit(run->settings.max_delete, run->plan.managed, &limit))
    return error_set(error, ERROR_INVALID, "--max-delete is a count or a percentage, such as 30%%");
  if (deletes <= limit) return true;
  return error_set(error, ERROR_CONFLICT,
                   "%zu of %zu objects would be deleted, %zu are allowed; nothing was changed. If "
                   "that is meant, say so: --max-delete %zu",
                   deletes, run->plan.managed, limit, deletes);
}
