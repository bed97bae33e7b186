/* fuzz_manifest.c: what earlier syncs left in the bucket: written again it reads as the same. */
#include "fuzz.h"

#include "lib/sync/have/manifest.h"

static void check(const struct manifest *manifest) {
  for (size_t i = 0; i < manifest->object_count; i++) {
    const struct known_object *object = &manifest->objects[i];
    assert(object->key && object->etag && object->md5 && object->headers_digest);
    assert(i == 0 || strcmp(manifest->objects[i - 1].key, object->key) < 0);
    assert(manifest_object(manifest, object->key) == object);
  }
  assert(manifest->release_count <= MANIFEST_RELEASES_LIMIT);
  for (size_t i = 0; i < manifest->release_count; i++)
    assert(manifest_release(manifest, manifest->releases[i].number) == &manifest->releases[i]);
  for (size_t i = 0; i < manifest->blob_count; i++)
    assert(manifest_blob(manifest, manifest->blobs[i].md5) == &manifest->blobs[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena arena = ARENA_EMPTY;
  struct manifest manifest, again;
  struct buffer once = BUFFER_EMPTY, twice = BUFFER_EMPTY;
  struct error error = {0};
  if (manifest_parse(fuzz_text(data, size), &arena, &manifest, &error)) {
    check(&manifest);
    manifest_write(&manifest, &once);
    assert(manifest_parse(buffer_str(&once), &arena, &again, &error));
    assert(again.sequence == manifest.sequence && again.blob_count == manifest.blob_count);
    manifest_write(&again, &twice);
    assert(str_equal(buffer_str(&once), buffer_str(&twice)));
  } else {
    assert(error.kind == ERROR_INVALID);
  }
  buffer_free(&once);
  buffer_free(&twice);
  arena_free(&arena);
  return 0;
}
