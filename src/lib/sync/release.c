/* release.c: see release.h. */
#include "lib/sync/release.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/sync/pool.h"
#include "lib/sync/release_list.h"
#include "lib/sync/remove.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_SIZE = 64, MICROSECONDS = 1000000 };

const char *release_blob_key(struct sync_run *run, const char *md5) {
  char name[NAME_SIZE];
  snprintf(name, sizeof(name), "pages/%.32s", md5);
  return run_state_key(run, name);
}

/* --- The manifest --- */

struct noting {
  struct sync_run *run;
  const struct upload_result *results; /* NULL: nothing was changed */
  struct manifest next;
  uint64_t number; /* of the release that every object of the build belongs to */
};

static void note_known(struct noting *noting, const struct known_object *object) {
  noting->next.objects[noting->next.object_count++] = *object;
}

/* What is known of an object of the build now that it is in the bucket. */
static void note_object(struct noting *noting, const struct sync_object *object) {
  struct sync_run *run = noting->run;
  const struct sync_change *change = sync_plan_find(&run->plan, object->key);
  const struct remote_object *remote = remote_find(&run->remote, object->key);
  const struct known_object *before = manifest_object(&run->manifest, object->key);
  char digest[DIGEST_SHORT_SIZE];
  headers_digest(&object->headers, digest);
  struct known_object known = {
      .key = object->key,
      .md5 = object->md5,
      .headers_digest = arena_copy(&run->arena, str_from(digest)),
      .first = before && before->first > 0 && before->last > 0 ? before->first : noting->number,
      .last = noting->number};
  if (change) {
    const struct upload_result *result =
        noting->results ? &noting->results[change - run->plan.changes] : NULL;
    if (!result || !result->done) return;
    known.etag = result->etag;
    known.verified_s = result->verified_s;
  } else if (remote) {
    known.etag = remote->etag;
    known.verified_s =
        before && sync_plan_is_known(before, remote) ? before->verified_s : remote->modified_s;
  } else {
    return;
  }
  note_known(noting, &known);
}

/* An object that stays without being of the build: an asset of earlier releases, or in a rollback
 * everything but the pages. An asset that no release is known to have counts as one of the latest,
 * and never as one that a rollback needs: its first release is after its last. */
static void note_other(struct noting *noting, const struct remote_object *remote) {
  struct sync_run *run = noting->run;
  const struct known_object *before = manifest_object(&run->manifest, remote->key);
  const struct sync_change *change = sync_plan_find(&run->plan, remote->key);
  if (change && (change->action == SYNC_DELETE || change->action == SYNC_IGNORE)) return;
  if (before) {
    struct known_object known = *before;
    uint64_t restored = run->restored;
    if (restored > 0 && known.first <= restored && restored <= known.last)
      known.last = noting->number;
    note_known(noting, &known);
  } else if (sync_plan_class_of_key(remote->key) == SYNC_ASSET) {
    uint64_t latest = run->manifest.sequence > 0 ? run->manifest.sequence : 1;
    struct known_object known = {.key = remote->key,
                                 .etag = remote->etag,
                                 .md5 = "",
                                 .headers_digest = "",
                                 .first = latest + 1,
                                 .last = latest};
    note_known(noting, &known);
  }
}

/* A rollback lets files that are no pages be what they are now, unless they are gone. */
static bool stays_as_it_is(const struct sync_run *run, const struct sync_object *object) {
  return run->restored > 0 && object->class != SYNC_PAGE &&
         !sync_plan_find(&run->plan, object->key);
}

static bool note_objects(struct noting *noting) {
  struct sync_run *run = noting->run;
  size_t room = run->build.count + run->remote.count + 1;
  noting->next.objects = arena_take(&run->arena, room * sizeof(struct known_object));
  if (!noting->next.objects) return false;
  const char *state = run_state_key(run, "");
  for (size_t i = 0; i < run->build.count; i++)
    if (!stays_as_it_is(run, &run->build.objects[i])) note_object(noting, &run->build.objects[i]);
  for (size_t i = 0; i < run->remote.count; i++) {
    const struct remote_object *remote = &run->remote.objects[i];
    const struct sync_object *object = build_find(&run->build, remote->key);
    if ((!object || stays_as_it_is(run, object)) &&
        !str_starts_with(str_from(remote->key), str_from(state)))
      note_other(noting, remote);
  }
  return true;
}

static bool note_release(struct noting *noting) {
  struct sync_run *run = noting->run;
  const struct manifest *before = &run->manifest;
  struct manifest *next = &noting->next;
  next->releases =
      arena_take(&run->arena, (before->release_count + 1) * sizeof(struct known_release));
  if (!next->releases) return false;
  size_t dropped = before->release_count + 1 > MANIFEST_RELEASES_LIMIT
                       ? before->release_count + 1 - MANIFEST_RELEASES_LIMIT
                       : 0;
  for (size_t i = dropped; i < before->release_count; i++)
    next->releases[next->release_count++] = before->releases[i];
  next->releases[next->release_count++] =
      (struct known_release){.number = noting->number,
                             .id = run->journal.id,
                             .created_s = clock_unix_us() / MICROSECONDS,
                             .files = run->build.count,
                             .restored = run->restored};
  next->sequence = noting->number;
  return true;
}

/* The oldest release that can be put back once `number` is the latest. */
static uint64_t oldest_kept(const struct sync_run *run, uint64_t number) {
  uint64_t keep = run->settings.keep_releases;
  return number > keep ? number - keep : 1;
}

/* Hashed assets are kept themselves, for as long as a release that can be put back needs them. */
static bool is_worth_keeping(const struct known_object *known, uint64_t oldest) {
  return known->last >= oldest && known->first <= known->last &&
         strlen(known->md5) == DIGEST_MD5_SIZE - 1 &&
         sync_plan_class_of_key(known->key) != SYNC_ASSET;
}

/* True when that change takes a content away that a release had: somebody else's is no release's.
 */
static bool must_be_kept(const struct sync_change *change, const struct known_object *known,
                         uint64_t oldest) {
  bool goes = change->action == SYNC_DELETE ||
              (change->action == SYNC_UPDATE && change->class == SYNC_PAGE);
  return goes && is_worth_keeping(known, oldest) && strcmp(known->etag, change->before->etag) == 0;
}

static bool is_kept(struct sync_run *run, const char *md5) {
  return remote_find(&run->remote, release_blob_key(run, md5)) != NULL;
}

static int compare_blobs(const void *a, const void *b) {
  return strcmp(((const struct known_blob *)a)->md5, ((const struct known_blob *)b)->md5);
}

/* The copies that are there, or are made by this run, of what releases had. */
static void note_own_blobs(struct noting *noting) {
  struct sync_run *run = noting->run;
  uint64_t oldest = oldest_kept(run, noting->number);
  for (size_t i = 0; i < run->manifest.object_count; i++) {
    const struct known_object *known = &run->manifest.objects[i];
    const struct sync_change *change = sync_plan_find(&run->plan, known->key);
    bool is_made = change && must_be_kept(change, known, oldest);
    if (is_made || (is_worth_keeping(known, oldest) && is_kept(run, known->md5)))
      noting->next.blobs[noting->next.blob_count++] = (struct known_blob){known->md5, known->last};
  }
}

/* Sorts, and leaves of each content the one that is needed longest. */
static void merge_blobs(struct manifest *manifest) {
  size_t unique = 0;
  if (manifest->blob_count == 0) return;
  qsort(manifest->blobs, manifest->blob_count, sizeof(struct known_blob), compare_blobs);
  for (size_t i = 0; i < manifest->blob_count; i++) {
    struct known_blob blob = manifest->blobs[i];
    bool same = unique > 0 && strcmp(manifest->blobs[unique - 1].md5, blob.md5) == 0;
    if (!same)
      manifest->blobs[unique++] = blob;
    else if (blob.last > manifest->blobs[unique - 1].last)
      manifest->blobs[unique - 1].last = blob.last;
  }
  manifest->blob_count = unique;
}

/* The copies of contents that the releases that are kept need. */
static bool note_blobs(struct noting *noting) {
  struct sync_run *run = noting->run;
  const struct manifest *before = &run->manifest;
  struct manifest *next = &noting->next;
  size_t room = before->blob_count + before->object_count + 1;
  next->blobs = arena_take(&run->arena, room * sizeof(struct known_blob));
  if (!next->blobs) return false;
  note_own_blobs(noting);
  for (size_t i = 0; i < before->blob_count; i++)
    if (before->blobs[i].last >= oldest_kept(run, noting->number))
      next->blobs[next->blob_count++] = before->blobs[i];
  merge_blobs(next);
  return true;
}

static bool write_manifest(struct sync_run *run, struct manifest *manifest, struct error *error) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  manifest_sort(manifest);
  manifest_write(manifest, &text);
  if (text.failed || run->arena.failed) return error_set(error, ERROR_MEMORY, "out of memory");
  return run_put(run, run_state_key(run, "manifest.json"), buffer_str(&text), error);
}

bool release_learn(struct sync_run *run, struct error *error) {
  struct noting noting = {.run = run, .number = run->manifest.sequence};
  if (!note_objects(&noting)) return error_set(error, ERROR_MEMORY, "out of memory");
  noting.next.releases = run->manifest.releases;
  noting.next.release_count = run->manifest.release_count;
  noting.next.blobs = run->manifest.blobs;
  noting.next.blob_count = run->manifest.blob_count;
  noting.next.sequence = run->manifest.sequence;
  return write_manifest(run, &noting.next, error);
}

/* --- The copies --- */

struct keeping {
  struct pool *pool;
  size_t index;
  const char *key, *md5;
  const char *etag; /* that the object must have; NULL: any */
};

static void on_kept(const struct aws_response *response, void *argument) {
  struct keeping *keeping = argument;
  struct sync_run *run = keeping->pool->run;
  /* What somebody else has deleted or changed by now cannot be kept, and must not stop a deploy. */
  bool gone = response->status == 404 || response->status == 412;
  if (gone) run_notice(run, "%s is not as it was: no copy of it is kept", keeping->key);
  if (!response->error) run->counts.copied++;
  pool_ended(keeping->pool, keeping->index, 0, gone ? NULL : response->error);
}

static void keep_content(struct pool *pool, size_t index) {
  struct keeping *keeping = &((struct keeping *)pool->argument)[index];
  struct sync_run *run = pool->run;
  struct error error = {0};
  struct sigv4_header headers[] = {{STR("content-type"), STR("application/octet-stream")},
                                   {STR("cache-control"), STR("no-store")}};
  keeping->pool = pool;
  keeping->index = index;
  struct s3_copying copy = {.from = keeping->key,
                            .etag = keeping->etag,
                            .key = release_blob_key(run, keeping->md5),
                            .headers = headers,
                            .header_count = 2};
  if (!s3_copy(run->aws.client, &run->bucket, &copy, on_kept, keeping, &error))
    pool_ended(pool, index, 0, &error);
}

static int compare_keeping(const void *a, const void *b) {
  return strcmp(((const struct keeping *)a)->md5, ((const struct keeping *)b)->md5);
}

/* Leaves each content once; returns how many are left. */
static size_t drop_doubles(struct keeping *keeping, size_t count) {
  size_t unique = 0;
  if (count == 0) return 0;
  qsort(keeping, count, sizeof(*keeping), compare_keeping);
  for (size_t i = 0; i < count; i++)
    if (unique == 0 || compare_keeping(&keeping[unique - 1], &keeping[i]) != 0)
      keeping[unique++] = keeping[i];
  return unique;
}

bool release_keep_old(struct sync_run *run, struct error *error) {
  _cleanup_free_ struct keeping *keeping = calloc(run->plan.count + 1, sizeof(*keeping));
  size_t count = 0;
  if (!keeping) return error_set(error, ERROR_MEMORY, "out of memory");
  uint64_t oldest = oldest_kept(run, run->manifest.sequence + 1);
  for (size_t i = 0; i < run->plan.count; i++) {
    const struct sync_change *change = &run->plan.changes[i];
    const struct known_object *known = manifest_object(&run->manifest, change->key);
    if (known && must_be_kept(change, known, oldest) && !is_kept(run, known->md5))
      keeping[count++] =
          (struct keeping){.key = change->key, .md5 = known->md5, .etag = known->etag};
  }
  struct pool pool = {.run = run,
                      .argument = keeping,
                      .start = keep_content,
                      .count = drop_doubles(keeping, count),
                      .progress = {.what = "keeping old pages"}};
  if (pool_work(&pool)) return true;
  *error = pool.first_error;
  return error_prefix(error, "keeping what a rollback needs");
}

/* --- What is not needed any more --- */

static bool is_needed(struct noting *noting, const char *name) {
  if (strncmp(name, "pages/", 6) == 0) return manifest_blob(&noting->next, name + 6) != NULL;
  if (strncmp(name, "releases/", 9) == 0) {
    uint64_t number = strtoull(name + 9, NULL, 10);
    return number >= oldest_kept(noting->run, noting->number) && number <= noting->number;
  }
  return true;
}

static bool sweep(struct noting *noting, struct error *error) {
  struct sync_run *run = noting->run;
  _cleanup_free_ const char **keys = calloc(run->remote.count + 1, sizeof(*keys));
  if (!keys) return error_set(error, ERROR_MEMORY, "out of memory");
  const char *state = run_state_key(run, "");
  size_t count = 0;
  for (size_t i = 0; i < run->remote.count; i++) {
    const char *key = run->remote.objects[i].key;
    if (str_starts_with(str_from(key), str_from(state)) && !is_needed(noting, key + strlen(state)))
      keys[count++] = key;
  }
  size_t deleted = run->counts.deleted;
  bool swept = count == 0 || remove_keys(run, keys, count, error);
  run->counts.deleted = deleted; /* nobody's business but ours */
  return swept;
}

bool release_finish(struct sync_run *run, const struct upload_result *results,
                    struct error *error) {
  struct noting noting = {.run = run, .results = results, .number = run->manifest.sequence + 1};
  const struct known_release *latest = manifest_release(&run->manifest, run->manifest.sequence);
  /* The run that was cut off had come as far as this. */
  if (latest && strcmp(latest->id, run->journal.id) == 0 && !sync_plan_has_work(&run->plan))
    return true;
  if (!note_objects(&noting) || !note_release(&noting) || !note_blobs(&noting))
    return error_set(error, ERROR_MEMORY, "out of memory");
  return release_list_write(run, noting.number, error) &&
         write_manifest(run, &noting.next, error) && sweep(&noting, error);
}
