/* fuzz_release_list.c: the list of what a release consists of, as it lies in the bucket. The linker
 * puts a function of ours in the place of the one that fetches it (--wrap). */
#include "fuzz.h"

#include "lib/sync/release_list.h"

static struct str document;

bool __wrap_run_get(struct sync_run *run, const char *key, size_t limit, struct buffer *body,
                    bool *ret_found, struct error *error);

bool __wrap_run_get(struct sync_run *run, const char *key, size_t limit, struct buffer *body,
                    bool *ret_found, struct error *error) {
  (void)run, (void)error;
  assert(*key && limit == RELEASE_SIZE_LIMIT);
  buffer_append_str(body, document);
  *ret_found = true;
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct sync_run run = {.settings = {.prefix = "p/"}};
  struct sync_build objects = {0};
  struct error error = {0};
  document = fuzz_text(data, size);
  if (release_list_read(&run, 1, &objects, &error)) {
    for (size_t i = 0; i < objects.count; i++) {
      const struct sync_object *object = &objects.objects[i];
      assert(strncmp(object->key, "p/", 2) == 0 && object->class <= SYNC_PAGE);
      assert(i == 0 || strcmp(objects.objects[i - 1].key, object->key) <= 0);
      assert(object->class == SYNC_ASSET || strlen(object->md5) == DIGEST_MD5_SIZE - 1);
    }
    build_free(&objects);
  } else {
    assert(error.kind == ERROR_CONFLICT);
  }
  arena_free(&run.arena);
  return 0;
}
