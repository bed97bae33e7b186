/* test_sync_plan.c: the plan: what differs, what is kept, the order, the guards, the files that a
 * plan is written to. */
#include "unit.h"

#include "lib/sync/plan/changeset.h"
#include "lib/sync/plan/guard.h"
#include "lib/sync/plan/order.h"
#include "lib/sync/plan/paths.h"

#include <stdlib.h>

enum { DAY = 24 * 60 * 60 };
static const int64_t NOW = 1700000000;
#define MD5_A         "0cc175b9c0f1b6a831c399e269772661"
#define MD5_B         "92eb5ffee6ae2fec3ad71c777531578f"
#define ASSET(letter) "static/main." letter "1a2b3c4d.js"

struct world {
  struct arena arena;
  struct sync_object objects[8];
  struct bucket_object held[8];
  struct sync_build build;
  struct sync_bucket bucket;
  struct sync_plan_options options;
  struct sync_plan plan;
};

static struct world world_new(void) {
  return (struct world){.bucket = {.place = {.bucket = "bucket", .prefix = ""}},
                        .options = {.keep_releases = 2, .now_s = NOW}};
}

static void world_free(struct world *world) {
  arena_free(&world->arena);
}

static struct object_headers headers_of(const char *cache_control) {
  struct object_headers headers = OBJECT_HEADERS_EMPTY;
  headers.values[SYNC_CACHE_CONTROL] = cache_control;
  return headers;
}

/* Adds in the order of the keys. */
static void want(struct world *world, const char *key, const char *md5) {
  struct sync_object *object = &world->objects[world->build.count++];
  *object = (struct sync_object){
      .key = key, .path = key, .size = 1, .headers = headers_of("x"), .class = SYNC_REST};
  memcpy(object->md5, md5, sizeof(object->md5));
  world->build.objects = world->objects;
}

static int compare_held(const void *a, const void *b) {
  return strcmp(((const struct bucket_object *)a)->key, ((const struct bucket_object *)b)->key);
}

static struct bucket_object *have(struct world *world, const char *key, const char *etag) {
  struct sync_bucket *bucket = &world->bucket;
  bucket->objects = world->held;
  bucket->objects[bucket->count++] = (struct bucket_object){.key = key,
                                                            .etag = etag,
                                                            .size = 1,
                                                            .modified_s = NOW,
                                                            .stored_md5 = "",
                                                            .headers = OBJECT_HEADERS_EMPTY};
  qsort(bucket->objects, bucket->count, sizeof(bucket->objects[0]), compare_held);
  return bucket_find(bucket, key);
}

static void know(struct world *world, const char *key, const char *etag, const char *md5,
                 uint64_t last) {
  char digest[DIGEST_SHORT_SIZE];
  struct object_headers headers = headers_of("x");
  object_headers_digest(&headers, digest);
  struct manifest *manifest = &world->bucket.manifest;
  struct known_object *objects = arena_take(&world->arena, 8 * sizeof(*objects));
  if (manifest->objects)
    memcpy(objects, manifest->objects, manifest->object_count * sizeof(*objects));
  manifest->objects = objects;
  objects[manifest->object_count++] =
      (struct known_object){.key = key,
                            .etag = etag,
                            .md5 = md5,
                            .headers_digest = arena_copy(&world->arena, str_from(digest)),
                            .verified_s = NOW,
                            .first = last ? 1 : 0,
                            .last = last};
  manifest_sort(manifest);
}

/* So many deploys were made, a day after one another, the last of them just now. */
static void deployed(struct world *world, size_t count) {
  struct manifest *manifest = &world->bucket.manifest;
  manifest->releases = arena_take(&world->arena, count * sizeof(*manifest->releases));
  manifest->release_count = manifest->sequence = count;
  for (size_t i = 0; i < count; i++)
    manifest->releases[i] = (struct known_release){
        .number = i + 1, .id = "", .created_s = NOW - (int64_t)(count - 1 - i) * DAY};
}

static enum sync_action action_of(struct world *world, const char *key) {
  assert_true(sync_plan_make(&world->build, &world->bucket, &world->options, &world->arena,
                             &world->plan, NULL));
  const struct sync_change *change = sync_plan_find(&world->plan, key);
  return change ? change->action : SYNC_NO_CHANGE;
}

static void content_is_compared(void **state) {
  struct world world = world_new();
  want(&world, "a.txt", MD5_A);
  assert_int_equal(action_of(&world, "a.txt"), SYNC_CREATE);
  struct bucket_object *remote = have(&world, "a.txt", MD5_B);
  assert_int_equal(action_of(&world, "a.txt"), SYNC_UPDATE);
  remote->etag = MD5_A;
  remote->asked = true;
  assert_int_equal(action_of(&world, "a.txt"), SYNC_HEADERS);
  remote->headers = headers_of("x");
  assert_int_equal(action_of(&world, "a.txt"), SYNC_NO_CHANGE);
  remote->size = 2;
  assert_int_equal(action_of(&world, "a.txt"), SYNC_UPDATE);
  world_free(&world);
}

static void what_the_manifest_knows_is_compared_by_its_note(void **state) {
  struct world world = world_new();
  want(&world, "a.txt", MD5_A);
  struct bucket_object *remote = have(&world, "a.txt", "encrypted");
  assert_int_equal(action_of(&world, "a.txt"), SYNC_UPDATE);
  know(&world, "a.txt", "encrypted", MD5_A, 1);
  const struct known_object *known = manifest_object(&world.bucket.manifest, "a.txt");
  assert_true(bucket_object_is_known(remote, known));
  assert_int_equal(action_of(&world, "a.txt"), SYNC_NO_CHANGE);
  remote->modified_s = NOW + 5; /* somebody wrote it since */
  assert_false(bucket_object_is_known(remote, known));
  assert_int_equal(action_of(&world, "a.txt"), SYNC_UPDATE);
  assert_false(bucket_object_is_known(remote, NULL));
  world_free(&world);
}

static void encrypted_objects_go_by_the_stored_checksum(void **state) {
  struct world world = world_new();
  want(&world, "a.txt", MD5_A);
  struct bucket_object *remote = have(&world, "a.txt", MD5_B);
  remote->asked = remote->encrypted = true;
  remote->headers = headers_of("x");
  assert_int_equal(action_of(&world, "a.txt"), SYNC_UPDATE);
  remote->stored_md5 = MD5_A;
  assert_int_equal(action_of(&world, "a.txt"), SYNC_NO_CHANGE);
  world_free(&world);
}

static void assets_are_kept_for_their_grace(void **state) {
  struct world world = world_new();
  want(&world, "index.html", MD5_A); /* a change, so that this plan is release 6 */
  have(&world, ASSET("a"), MD5_A);
  deployed(&world, 5);
  know(&world, ASSET("a"), MD5_A, MD5_A, 4);
  assert_int_equal(action_of(&world, ASSET("a")), SYNC_KEEP);
  world.bucket.manifest.objects[0].last = 3;
  assert_int_equal(action_of(&world, ASSET("a")), SYNC_DELETE);
  world.options.keep_days = 2; /* release 4, a day ago, replaced it */
  assert_int_equal(action_of(&world, ASSET("a")), SYNC_KEEP);
  world.options.keep_days = 1;
  assert_int_equal(action_of(&world, ASSET("a")), SYNC_DELETE);
  world.bucket.manifest.releases[3].restored = 2; /* a rollback uses up nothing */
  assert_int_equal(action_of(&world, ASSET("a")), SYNC_KEEP);
  world.bucket.manifest.object_count = 0; /* nobody knows it */
  assert_int_equal(action_of(&world, ASSET("a")), SYNC_FOREIGN);
  struct journal_write write = {ASSET("a"), MD5_A, ""};
  world.bucket.earlier = (struct journal){.writes = &write, .write_count = 1};
  assert_int_equal(action_of(&world, ASSET("a")), SYNC_KEEP); /* of a run that was cut off */
  world_free(&world);
}

static void a_plan_without_changes_makes_no_asset_older(void **state) {
  struct world world = world_new();
  want(&world, "index.html", MD5_A);
  have(&world, "index.html", MD5_A);
  know(&world, "index.html", MD5_A, MD5_A, 5);
  have(&world, ASSET("a"), MD5_A);
  know(&world, ASSET("a"), MD5_A, MD5_A, 3);
  deployed(&world, 5);
  assert_int_equal(action_of(&world, ASSET("a")), SYNC_KEEP);
  have(&world, "old.txt", MD5_B);
  know(&world, "old.txt", MD5_B, MD5_B, 5);
  assert_int_equal(action_of(&world, ASSET("a")), SYNC_DELETE);
  world_free(&world);
}

static void ignored_and_foreign_keys_are_left_alone(void **state) {
  static const char *const PATTERNS[] = {"robots.txt", "private/**"};
  struct world world = world_new();
  world.options.ignore = (struct sync_ignore){PATTERNS, 2};
  have(&world, "robots.txt", MD5_A);
  have(&world, "private/a/b", MD5_A);
  have(&world, "other/.cruddur/manifest.json", MD5_A);
  have(&world, "other/index.html", MD5_A);
  have(&world, ".cruddur/manifest.json", MD5_A);
  have(&world, "old.txt", MD5_A);
  know(&world, "old.txt", MD5_A, MD5_A, 1);
  have(&world, "theirs.txt", MD5_A);
  assert_int_equal(action_of(&world, "theirs.txt"), SYNC_FOREIGN);
  assert_int_equal(action_of(&world, "robots.txt"), SYNC_IGNORE);
  assert_int_equal(action_of(&world, "private/a/b"), SYNC_IGNORE);
  assert_int_equal(action_of(&world, "other/index.html"), SYNC_IGNORE);
  assert_int_equal(action_of(&world, ".cruddur/manifest.json"), SYNC_NO_CHANGE);
  assert_int_equal(action_of(&world, "old.txt"), SYNC_DELETE);
  assert_int_equal(world.plan.managed, 1);
  world.options.delete_foreign = true;
  assert_int_equal(action_of(&world, "theirs.txt"), SYNC_DELETE);
  assert_int_equal(world.plan.managed, 2);
  world.options.delete_foreign = false;
  bucket_find(&world.bucket, "old.txt")->etag = MD5_B; /* somebody wrote over it */
  assert_int_equal(action_of(&world, "old.txt"), SYNC_FOREIGN);
  world_free(&world);
}

static void a_key_has_one_change(void **state) {
  static const char *IGNORED[] = {"about", "other"};
  struct world world = world_new();
  want(&world, "about", MD5_A); /* the file about; about.html is ignored */
  have(&world, "other", MD5_A);
  world.build.ignored = IGNORED;
  world.build.ignored_count = 2;
  assert_int_equal(action_of(&world, "about"), SYNC_CREATE);
  assert_int_equal(action_of(&world, "other"), SYNC_IGNORE);
  assert_int_equal(world.plan.count, 2);
  world_free(&world);
}

static void limits_of_deletions_are_read(void **state) {
  static const char *const BAD[] = {"101%", "x", "-1", "+1", "5%x",
                                    "5x",   "",  "%",  " 5", "18446744073709551616"};
  struct guard_limit limit;
  assert_true(guard_parse_limit("12", &limit));
  assert_true(limit.kind == GUARD_LIMIT_COUNT && limit.number == 12);
  assert_true(guard_parse_limit("100%", &limit));
  assert_true(limit.kind == GUARD_LIMIT_PERCENT && limit.number == 100);
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
    if (guard_parse_limit(BAD[i], &limit)) fail_msg("'%s'", BAD[i]);
}

static void deletions_have_a_limit(void **state) {
  static const struct {
    struct guard_limit limit;
    size_t managed, allowed;
  } CASES[] = {
      {{GUARD_LIMIT_COUNT, 12}, 100, 12},   {{GUARD_LIMIT_COUNT, 0}, 100, 0},
      {{GUARD_LIMIT_PERCENT, 30}, 10, 3},   {{GUARD_LIMIT_PERCENT, 90}, 10, 9},
      {{.kind = GUARD_LIMIT_USUAL}, 4, 3},  {{.kind = GUARD_LIMIT_USUAL}, 8, 4},
      {{.kind = GUARD_LIMIT_USUAL}, 10, 5},
  };
  struct sync_change changes[20] = {{.key = "an asset", .action = SYNC_DELETE}};
  for (size_t i = 1; i < 20; i++)
    changes[i] = (struct sync_change){.key = "a", .action = SYNC_DELETE, .class = SYNC_REST};
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct sync_plan plan = {.managed = CASES[i].managed, .changes = changes};
    struct error error = {0};
    plan.count = 1 + CASES[i].allowed;
    assert_true(guard_deletions(&plan, &CASES[i].limit, &error));
    plan.count++;
    assert_false(guard_deletions(&plan, &CASES[i].limit, &error));
    assert_int_equal(error.kind, ERROR_REFUSED);
  }
}

static void targets_come_first_and_go_last(void **state) {
  static const struct {
    enum sync_action action;
    enum sync_class class;
    const char *key;
    enum sync_phase phase;
  } CASES[] = {
      {SYNC_CREATE, SYNC_ASSET, "p/a", PHASE_ASSETS},
      {SYNC_UPDATE, SYNC_ASSET, "p/a", PHASE_ASSETS},
      {SYNC_CREATE, SYNC_REST, "p/a", PHASE_REST_NEW},
      {SYNC_UPDATE, SYNC_REST, "p/a", PHASE_REST_CHANGED},
      {SYNC_HEADERS, SYNC_REST, "p/a", PHASE_REST_CHANGED},
      {SYNC_CREATE, SYNC_PAGE, "p/a", PHASE_PAGES_NEW},
      {SYNC_UPDATE, SYNC_PAGE, "p/a", PHASE_PAGES_CHANGED},
      {SYNC_CREATE, SYNC_PAGE, "p/index.html", PHASE_PAGES_TOP},
      {SYNC_UPDATE, SYNC_PAGE, "p/x/index.html", PHASE_PAGES_CHANGED},
      {SYNC_DELETE, SYNC_PAGE, "p/index.html", PHASE_DELETE_PAGES},
      {SYNC_DELETE, SYNC_ASSET, "p/a", PHASE_DELETE_REST},
      {SYNC_KEEP, SYNC_ASSET, "p/a", SYNC_PHASES}, /* of no phase */
      {SYNC_IGNORE, SYNC_REST, "p/a", SYNC_PHASES},
  };
  const struct sync_bucket bucket = {.place = {.bucket = "bucket", .prefix = "p/"}};
  size_t indexes[1];
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct sync_change change = {
        .action = CASES[i].action, .class = CASES[i].class, .key = CASES[i].key};
    struct sync_plan plan = {.bucket = &bucket, .changes = &change, .count = 1};
    for (enum sync_phase phase = 0; phase < SYNC_PHASES; phase++)
      assert_int_equal(order_select(&plan, phase, indexes), phase == CASES[i].phase);
  }
}

static void a_manifest_comes_back_as_it_was_written(void **state) {
  struct world world = world_new();
  struct buffer text = BUFFER_EMPTY, again = BUFFER_EMPTY;
  struct known_release release = {.number = 3,
                                  .id = "id",
                                  .created_s = NOW,
                                  .files = 2,
                                  .restored = 1,
                                  .origin = {"8a2b3c4", "J \"Q\"", "Mend ü"}};
  struct known_blob blob = {MD5_A, 3};
  know(&world, "b \"quoted\" ü", "etag-2", MD5_A, 3);
  know(&world, "a", "etag", MD5_B, 0);
  world.bucket.manifest.releases = &release;
  world.bucket.manifest.release_count = 1;
  world.bucket.manifest.blobs = &blob;
  world.bucket.manifest.blob_count = 1;
  manifest_write(&world.bucket.manifest, &text);
  struct manifest read;
  assert_true(manifest_parse(buffer_str(&text), &world.arena, &read, NULL));
  manifest_write(&read, &again);
  assert_int_equal(read.sequence, 3);
  assert_string_equal(buffer_text(&again), buffer_text(&text));
  assert_int_equal(manifest_object(&read, "a")->verified_s, NOW);
  for (size_t cut = 0; cut + 2 < text.length; cut++)
    assert_false(manifest_parse((struct str){text.data, cut}, &world.arena, &read, NULL));
  buffer_free(&text);
  buffer_free(&again);
  world_free(&world);
}

static void bad_manifests_are_refused(void **state) {
  static const char *const BAD[] = {
      "",
      "[]",
      "{}",
      "{\"version\":2,\"releases\":[],\"objects\":{},\"blobs\":{}}",
      "{\"version\":1,\"releases\":{},\"objects\":{},\"blobs\":{}}",
      "{\"version\":1,\"releases\":[],\"objects\":{\"a\":[1]},\"blobs\":{}}",
      "{\"version\":1,\"releases\":[],\"objects\":{},\"blobs\":{\"a\":-1}}"};
  struct arena arena = ARENA_EMPTY;
  struct manifest manifest;
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
    assert_false(manifest_parse(str_from(BAD[i]), &arena, &manifest, NULL));
  arena_free(&arena);
}

static void large_files_have_longer(void **state) {
  const struct sync_place place = {.bucket = "bucket", .prefix = ""};
  uint64_t usual_ms = place_bucket(&place, 0).try_timeout_ms;
  assert_true(place_bucket(&place, 1000).try_timeout_ms < usual_ms + 100);
  assert_true(place_bucket(&place, (uint64_t)1 << 30).try_timeout_ms > (uint64_t)4 * 3600 * 1000);
  assert_true(place_bucket(&place, (uint64_t)1 << 30).deadline_ms >
              place_bucket(&place, (uint64_t)1 << 30).try_timeout_ms);
}

static void a_journal_hands_over_what_it_owes(void **state) {
  struct arena arena = ARENA_EMPTY;
  struct buffer text = BUFFER_EMPTY;
  struct journal earlier = {.id = "first", .target = "same"}, read;
  assert_true(journal_add_path(&earlier.changed, &arena, "/a"));
  assert_true(journal_add_path(&earlier.deleted, &arena, "/b"));
  journal_write(&earlier, &text);
  assert_true(journal_parse(buffer_str(&text), &arena, &read, NULL));
  struct journal finishing = {.id = "second", .target = "same"};
  assert_true(paths_inherit(&finishing, &read, false, &arena));
  assert_string_equal(finishing.id, "first"); /* nothing new: the same invalidation */
  assert_int_equal(finishing.changed.count, 1);
  assert_string_equal(finishing.deleted.paths[0], "/b");
  struct journal going_on = {.id = "third", .target = "same"};
  assert_true(journal_add_path(&going_on.changed, &arena, "/c"));
  assert_true(paths_inherit(&going_on, &read, true, &arena));
  assert_string_equal(going_on.id, "third"); /* it uploads: what was purged may be stale again */
  assert_int_equal(going_on.changed.count, 2);
  struct journal other = {.id = "fourth", .target = "another"};
  assert_true(paths_inherit(&other, &read, false, &arena));
  assert_string_equal(other.id, "fourth");
  assert_false(journal_parse(STR("{\"version\":1}"), &arena, &read, NULL));
  assert_false(journal_parse(STR("nonsense"), &arena, &read, NULL));
  buffer_free(&text);
  arena_free(&arena);
}

static bool still_fits(struct world *world, const struct changeset *changeset) {
  action_of(world, "");
  return changeset_check(changeset, &world->plan, NULL);
}

static void a_changeset_fits_only_what_it_was_made_for(void **state) {
  struct world world = world_new();
  struct buffer text = BUFFER_EMPTY;
  struct changeset changeset;
  want(&world, "a.txt", MD5_A);
  want(&world, "b.txt", MD5_A);
  struct bucket_object *old = have(&world, "b.txt", MD5_B);
  have(&world, "old.txt", MD5_B);
  know(&world, "old.txt", MD5_B, MD5_B, 1);
  action_of(&world, "");
  assert_true(paths_plan_journal(&world.plan, "id", false, &world.arena, NULL));
  changeset_write(&world.plan, "E1", "build", NOW, &text);
  assert_true(changeset_parse(buffer_str(&text), &world.arena, &changeset, NULL));
  assert_int_equal(changeset.count, 3);
  assert_string_equal(changeset.place.bucket, "bucket");
  assert_true(still_fits(&world, &changeset));
  old->etag = "0123456789abcdef0123456789abcdef";
  assert_false(still_fits(&world, &changeset)); /* the bucket has changed */
  old->etag = MD5_A;
  old->asked = true;
  old->headers = headers_of("x");
  assert_true(still_fits(&world, &changeset)); /* done already */
  memcpy(world.objects[0].md5, MD5_B, DIGEST_MD5_SIZE);
  assert_false(still_fits(&world, &changeset)); /* the build has changed */
  memcpy(world.objects[0].md5, MD5_A, DIGEST_MD5_SIZE);
  have(&world, "new.txt", MD5_A);
  assert_true(still_fits(&world, &changeset)); /* it is nobody's */
  know(&world, "new.txt", MD5_A, MD5_A, 1);
  assert_false(still_fits(&world, &changeset)); /* it does not say to delete that */
  assert_false(changeset_parse(STR("{\"version\":1}"), &world.arena, &changeset, NULL));
  buffer_free(&text);
  world_free(&world);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(content_is_compared),
      cmocka_unit_test(what_the_manifest_knows_is_compared_by_its_note),
      cmocka_unit_test(encrypted_objects_go_by_the_stored_checksum),
      cmocka_unit_test(assets_are_kept_for_their_grace),
      cmocka_unit_test(a_plan_without_changes_makes_no_asset_older),
      cmocka_unit_test(ignored_and_foreign_keys_are_left_alone),
      cmocka_unit_test(a_key_has_one_change),
      cmocka_unit_test(limits_of_deletions_are_read),
      cmocka_unit_test(deletions_have_a_limit),
      cmocka_unit_test(targets_come_first_and_go_last),
      cmocka_unit_test(a_manifest_comes_back_as_it_was_written),
      cmocka_unit_test(bad_manifests_are_refused),
      cmocka_unit_test(large_files_have_longer),
      cmocka_unit_test(a_journal_hands_over_what_it_owes),
      cmocka_unit_test(a_changeset_fits_only_what_it_was_made_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
