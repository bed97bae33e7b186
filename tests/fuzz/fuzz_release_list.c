/* fuzz_release_list.c: the list of what a release consists of, as it lies in the bucket. The linker
 * puts a function of ours in the place of the one that fetches it (--wrap). */
#include "fuzz.h"

#include "lib/sync/do/release_list.h"
#include "lib/sync/have/sync_state.h"

static struct str document;

bool __wrap_sync_state_get(const struct sync_session *session, const struct sync_place *place,
                           const char *key, size_t limit, struct buffer *body, bool *ret_found,
                           struct error *error);

bool __wrap_sync_state_get(const struct sync_session *session, const struct sync_place *place,
                           const char *key, size_t limit, struct buffer *body, bool *ret_found,
                           struct error *error) {
  (void)session, (void)error;
  assert(place_is_state(place, key) && limit == RELEASE_LIST_SIZE_LIMIT);
  buffer_append_str(body, document);
  *ret_found = true;
  return true;
}

static void check_key(const struct sync_place *place, const char *key) {
  assert(place_holds(place, key) && !place_is_state(place, key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const struct sync_place place = {.bucket = "bucket", .prefix = "p/"};
  struct arena arena = ARENA_EMPTY;
  struct sync_build build = {0};
  struct error error = {0};
  document = fuzz_text(data, size);
  if (release_list_read(NULL, &place, 1, &arena, &build, &error)) {
    for (size_t i = 0; i < build.count; i++) {
      const struct sync_object *object = &build.objects[i];
      check_key(&place, object->key);
      assert(object->class == SYNC_REST || object->class == SYNC_PAGE);
      assert(i == 0 || strcmp(build.objects[i - 1].key, object->key) < 0);
      assert(strlen(object->md5) == DIGEST_MD5_SIZE - 1);
    }
    for (size_t i = 0; i < build.needed_count; i++)
      check_key(&place, build.needed[i]);
  } else {
    assert(error.kind == ERROR_REFUSED);
  }
  arena_free(&arena);
  return 0;
}
