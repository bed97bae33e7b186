/* release_manifest.c: the manifest as it is after a plan was applied.
 *
 * The objects of the build are noted first, as they were written or found; then what else the
 * bucket keeps: assets of earlier releases, and in a rollback every file that is not a page. A note
 * of an object that was not written and is not in the bucket is left out. */
#include "lib/sync/do/release_manifest.h"

#include "lib/base/clock.h"
#include "lib/sync/keyed.h"

#include <assert.h>

enum { MICROSECONDS = 1000000 };

struct release_noter {
  const struct sync_plan *plan;
  const struct sync_results *results; /* NULL: nothing was changed */
  struct arena *arena;
  uint64_t number; /* of the release that every object of the build belongs to */
  struct manifest next;
};

/* --- Objects --- */

static void note(struct release_noter *noter, const struct known_object *object) {
  noter->next.objects[noter->next.object_count++] = *object;
}

/* The result of writing the object; NULL: it was not written. */
static const struct sync_written *find_written(const struct release_noter *noter,
                                               const struct sync_change *change) {
  if (!noter->results) return NULL;
  const struct sync_written *written = &noter->results->written[change - noter->plan->changes];
  return written->done ? written : NULL;
}

/* What is known of an object of the build now that it is in the bucket. */
static void note_object(struct release_noter *noter, const struct sync_object *object) {
  const struct sync_bucket *bucket = noter->plan->bucket;
  const struct sync_change *change = sync_plan_find(noter->plan, object->key);
  const struct bucket_object *found = bucket_find(bucket, object->key);
  const struct known_object *before = manifest_object(&bucket->manifest, object->key);
  char digest[DIGEST_SHORT_SIZE];
  object_headers_digest(&object->headers, digest);
  struct known_object known = {
      .key = object->key,
      .md5 = object->md5,
      .kind = object->class == SYNC_ASSET ? KNOWN_ASSET : KNOWN_PLAIN,
      .headers_digest = arena_copy(noter->arena, str_from(digest)),
      .first = before && before->first > 0 && before->last > 0 ? before->first : noter->number,
      .last = noter->number};
  if (change) {
    const struct sync_written *written = find_written(noter, change);
    if (!written) return;
    known.etag = written->etag;
    known.verified_s = written->verified_s;
  } else if (found) {
    bool is_known = before && bucket_object_is_known(found, before);
    known.etag = found->etag;
    known.verified_s = is_known ? before->verified_s : found->modified_s;
  } else {
    return;
  }
  note(noter, &known);
}

/* An object that stays without being of the build; nothing is noted of those that others put there.
 * An asset that a run wrote which was cut off is of no release: it counts as one of the latest, and
 * never as one that a rollback needs, for its first release is after its last. */
static void note_other(struct release_noter *noter, const struct bucket_object *object) {
  const struct sync_plan *plan = noter->plan;
  const struct manifest *manifest = &plan->bucket->manifest;
  const struct known_object *before = manifest_object(manifest, object->key);
  const struct sync_change *change = sync_plan_find(plan, object->key);
  const struct journal_write *written = journal_find(&plan->bucket->earlier, object->key);
  if (change && change->action != SYNC_KEEP) return;
  if (before) {
    struct known_object known = *before;
    uint64_t restored = plan->restored;
    if (restored > 0 && known.first <= restored && restored <= known.last)
      known.last = noter->number;
    note(noter, &known);
  } else if (written) {
    uint64_t latest = manifest->sequence > 0 ? manifest->sequence : 1;
    struct known_object known = {.key = object->key,
                                 .etag = object->etag,
                                 .md5 = written->md5,
                                 .headers_digest = "",
                                 .first = latest + 1,
                                 .last = latest};
    note(noter, &known);
  }
}

/* A rollback leaves files that are not pages as they are now, unless they are gone. */
static bool stays_as_it_is(const struct sync_plan *plan, const struct sync_object *object) {
  return plan->restored > 0 && object->class != SYNC_PAGE && !sync_plan_find(plan, object->key);
}

static bool note_objects(struct release_noter *noter) {
  const struct sync_plan *plan = noter->plan;
  const struct sync_build *build = plan->build;
  const struct sync_bucket *bucket = plan->bucket;
  size_t room = build->count + bucket->count;
  noter->next.objects = arena_take(noter->arena, room * sizeof(struct known_object));
  if (!noter->next.objects) return false;
  for (size_t i = 0; i < build->count; i++)
    if (!stays_as_it_is(plan, &build->objects[i])) note_object(noter, &build->objects[i]);
  for (size_t i = 0; i < bucket->count; i++) {
    const struct bucket_object *found = &bucket->objects[i];
    const struct sync_object *object = build_find(build, found->key);
    if ((!object || stays_as_it_is(plan, object)) && !place_is_state(&bucket->place, found->key))
      note_other(noter, found);
  }
  assert(noter->next.object_count <= room);
  return !noter->arena->failed;
}

/* --- Releases --- */

static bool note_release(struct release_noter *noter) {
  const struct sync_plan *plan = noter->plan;
  const struct manifest *before = &plan->bucket->manifest;
  struct manifest *next = &noter->next;
  next->releases =
      arena_take(noter->arena, (before->release_count + 1) * sizeof(struct known_release));
  if (!next->releases) return false;
  size_t dropped = before->release_count + 1 > MANIFEST_RELEASES_LIMIT
                       ? before->release_count + 1 - MANIFEST_RELEASES_LIMIT
                       : 0;
  for (size_t i = dropped; i < before->release_count; i++)
    next->releases[next->release_count++] = before->releases[i];
  next->releases[next->release_count++] =
      (struct known_release){.number = noter->number,
                             .id = plan->journal.id,
                             .created_s = clock_unix_us() / MICROSECONDS,
                             .files = plan->build->count,
                             .restored = plan->restored,
                             .origin = plan->origin};
  next->sequence = noter->number;
  assert(next->sequence > before->sequence && next->release_count <= MANIFEST_RELEASES_LIMIT);
  assert(plan->restored < noter->number); /* what is put back came earlier */
  return true;
}

/* --- Copies of contents --- */

/* The oldest release that can be put back when this plan has made its own. */
static uint64_t oldest_after(const struct sync_plan *plan) {
  return manifest_oldest(&plan->bucket->manifest, plan->keep_releases, plan->restored == 0);
}

static bool is_worth_keeping(const struct sync_bucket *bucket, const struct known_object *known,
                             uint64_t oldest) {
  return known->last >= oldest && known->first <= known->last &&
         strlen(known->md5) == DIGEST_MD5_SIZE - 1 &&
         sync_plan_class_of_key(bucket, known->key) != SYNC_ASSET;
}

bool release_manifest_needs_copy(const struct sync_plan *plan, const struct sync_change *change) {
  const struct manifest *manifest = &plan->bucket->manifest;
  const struct known_object *known = manifest_object(manifest, change->key);
  bool goes = change->action == SYNC_DELETE ||
              (change->action == SYNC_UPDATE && change->class == SYNC_PAGE);
  return goes && known && is_worth_keeping(plan->bucket, known, oldest_after(plan)) &&
         strcmp(known->etag, change->before->etag) == 0;
}

/* The copies of what releases had that are there, or that this run makes. */
static void note_own_blobs(struct release_noter *noter, uint64_t oldest) {
  const struct sync_plan *plan = noter->plan;
  const struct sync_bucket *bucket = plan->bucket;
  for (size_t i = 0; i < bucket->manifest.object_count; i++) {
    const struct known_object *known = &bucket->manifest.objects[i];
    const struct sync_change *change = sync_plan_find(plan, known->key);
    bool is_made = change && release_manifest_needs_copy(plan, change);
    if (is_made || (is_worth_keeping(bucket, known, oldest) &&
                    bucket_find(bucket, place_copy_key(&bucket->place, noter->arena, known->md5))))
      noter->next.blobs[noter->next.blob_count++] = (struct known_blob){known->md5, known->last};
  }
}

/* Sorts, and leaves of each content the one that is needed longest. */
static void merge_blobs(struct manifest *manifest) {
  struct known_blob *blobs = manifest->blobs;
  size_t unique = 0;
  keyed_sort(blobs, manifest->blob_count, sizeof(blobs[0]));
  for (size_t i = 0; i < manifest->blob_count; i++) {
    struct known_blob blob = blobs[i];
    if (unique == 0 || strcmp(blobs[unique - 1].md5, blob.md5) != 0)
      blobs[unique++] = blob;
    else if (blob.last > blobs[unique - 1].last)
      blobs[unique - 1].last = blob.last;
  }
  manifest->blob_count = unique;
}

static bool note_blobs(struct release_noter *noter) {
  const struct manifest *before = &noter->plan->bucket->manifest;
  struct manifest *next = &noter->next;
  uint64_t oldest = oldest_after(noter->plan);
  size_t room = before->blob_count + before->object_count;
  next->blobs = arena_take(noter->arena, room * sizeof(struct known_blob));
  if (!next->blobs) return false;
  note_own_blobs(noter, oldest);
  for (size_t i = 0; i < before->blob_count; i++)
    if (before->blobs[i].last >= oldest) next->blobs[next->blob_count++] = before->blobs[i];
  assert(next->blob_count <= room);
  merge_blobs(next);
  return true;
}

/* --- The whole --- */

bool release_manifest_make(const struct sync_plan *plan, const struct sync_results *results,
                           struct arena *arena, struct manifest *ret_manifest) {
  struct release_noter noter = {.plan = plan,
                                .results = results,
                                .arena = arena,
                                .number = plan->bucket->manifest.sequence + 1};
  if (!note_objects(&noter) || !note_release(&noter) || !note_blobs(&noter) || arena->failed)
    return false;
  manifest_sort(&noter.next);
  *ret_manifest = noter.next;
  return true;
}

bool release_manifest_learn(const struct sync_plan *plan, struct arena *arena,
                            struct manifest *ret_manifest) {
  const struct manifest *before = &plan->bucket->manifest;
  struct release_noter noter = {.plan = plan, .arena = arena, .number = before->sequence};
  if (!note_objects(&noter)) return false;
  noter.next.releases = before->releases;
  noter.next.release_count = before->release_count;
  noter.next.blobs = before->blobs;
  noter.next.blob_count = before->blob_count;
  noter.next.sequence = before->sequence;
  manifest_sort(&noter.next);
  *ret_manifest = noter.next;
  return true;
}
