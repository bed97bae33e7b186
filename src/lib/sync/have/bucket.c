/* bucket.c: what the bucket holds.
 *
 * Filled in two steps: bucket_read() lists all objects and reads what earlier syncs left;
 * bucket_ask() then sends HEAD for the objects that the list alone cannot compare with the build.
 * Both block; the callbacks below run on the session's loop meanwhile. After that the bucket is
 * only read. */
#include "lib/sync/have/bucket.h"

#include "lib/base/cleanup.h"
#include "lib/sync/have/sync_state.h"
#include "lib/sync/keyed.h"
#include "lib/sync/sync_pool.h"

#include <assert.h>

enum { CLOCK_GRAIN_S = 1 };

struct bucket_object *bucket_find(const struct sync_bucket *bucket, const char *key) {
  return keyed_find(bucket->objects, bucket->count, sizeof(bucket->objects[0]), key);
}

/* S3 tells times in whole seconds, and so is the time that a note is good for. */
bool bucket_object_is_known(const struct bucket_object *object, const struct known_object *known) {
  return known && strcmp(known->etag, object->etag) == 0 &&
         object->modified_s <= known->verified_s + CLOCK_GRAIN_S;
}

/* --- The list --- */

/* Reading the bucket; lives on the stack of bucket_read(). */
struct bucket_reader {
  const struct sync_session *session;
  struct sync_bucket *bucket;
  struct arena *arena;
  struct error *error;
};

static bool on_entry(const struct s3_entry *entry, void *argument) {
  struct bucket_reader *reader = argument;
  struct sync_bucket *bucket = reader->bucket;
  struct arena *arena = reader->arena;
  /* A server that ignores the prefix must not make us touch a neighbour's keys. */
  if (!str_starts_with(entry->key, str_from(bucket->place.prefix))) return true;
  struct bucket_object *objects =
      arena_grow(arena, bucket->objects, bucket->count, &bucket->capacity, sizeof(*objects));
  if (!objects) return false;
  bucket->objects = objects;
  bucket->objects[bucket->count++] = (struct bucket_object){.key = arena_copy(arena, entry->key),
                                                            .etag = arena_copy(arena, entry->etag),
                                                            .size = entry->size,
                                                            .modified_s = entry->modified_s,
                                                            .stored_md5 = "",
                                                            .headers = OBJECT_HEADERS_EMPTY};
  return !arena->failed;
}

static bool list_objects(struct bucket_reader *reader) {
  const struct sync_place *place = &reader->bucket->place;
  struct s3_bucket listed = place_bucket(place, 0);
  if (!s3_list(reader->session->aws, &listed, place->prefix, on_entry, reader, reader->error))
    return error_prefix(reader->error, "listing the bucket %s", place->bucket);
  /* A server may list a key twice: it has one object of that name all the same. */
  struct sync_bucket *bucket = reader->bucket;
  bucket->count = keyed_sort_unique(bucket->objects, bucket->count, sizeof(bucket->objects[0]));
  return true;
}

/* --- What earlier syncs left --- */

/* Reads the own object `name` into `body`; `*ret_found` is false when there is no such object. */
static bool read_state(struct bucket_reader *reader, const char *name, size_t limit,
                       struct buffer *body, bool *ret_found) {
  const struct sync_bucket *bucket = reader->bucket;
  const char *key = place_state_key(&bucket->place, reader->arena, name);
  *ret_found = false;
  return !bucket_find(bucket, key) || sync_state_get(reader->session, &bucket->place, key, limit,
                                                     body, ret_found, reader->error);
}

static bool read_manifest(struct bucket_reader *reader) {
  _cleanup_(buffer_free) struct buffer body = BUFFER_EMPTY;
  struct error problem = {0};
  bool found;
  if (!read_state(reader, "manifest.json", MANIFEST_SIZE_LIMIT, &body, &found)) return false;
  if (found &&
      !manifest_parse(buffer_str(&body), reader->arena, &reader->bucket->manifest, &problem))
    sync_session_notice(reader->session,
                        "the manifest of earlier syncs cannot be read (%s): a new one is made; "
                        "earlier releases cannot be put back",
                        problem.message);
  return true;
}

static bool read_journal(struct bucket_reader *reader) {
  _cleanup_(buffer_free) struct buffer body = BUFFER_EMPTY;
  struct sync_bucket *bucket = reader->bucket;
  struct journal *earlier = &bucket->earlier;
  struct error problem = {0};
  if (!read_state(reader, "journal.json", JOURNAL_SIZE_LIMIT, &body, &bucket->has_earlier))
    return false;
  if (!bucket->has_earlier || journal_parse(buffer_str(&body), reader->arena, earlier, &problem))
    return true;
  /* Nobody knows what an unreadable journal owes: it may be everything. */
  *earlier = (struct journal){.id = "unknown", .target = "unknown"};
  journal_add_path(&earlier->changed, reader->arena, "/*"); /* else the arena has failed */
  return true;
}

bool bucket_read(const struct sync_session *session, const struct sync_place *place,
                 struct arena *arena, struct sync_bucket *ret_bucket, struct error *error) {
  struct sync_bucket bucket = {.place = *place, .holder = ""};
  struct bucket_reader reader = {
      .session = session, .bucket = &bucket, .arena = arena, .error = error};
  if (!list_objects(&reader)) return false;
  const char *moved = aws_client_moved_region(sync_session_client(session));
  if (*moved)
    sync_session_notice(session,
                        "the bucket %s is in %s, not in the region of the settings: set "
                        "AWS_DEFAULT_REGION=%s",
                        place->bucket, moved, moved);
  if (!read_manifest(&reader) || !read_journal(&reader)) return false;
  if (arena->failed) return error_set(error, ERROR_MEMORY, "out of memory");
  *ret_bucket = bucket;
  return true;
}

/* --- Questions --- */

/* A HEAD for one object; the array of all of them belongs to bucket_ask(). */
struct bucket_question {
  struct bucket_object *object;
  struct sync_pool *pool;
  size_t index; /* in the pool */
};

struct bucket_asking {
  struct bucket_question *questions;
  const struct sync_place *place;
  struct arena *arena;
};

static bool is_encrypted(const struct aws_response *response) {
  struct str method = aws_client_response_header(response, STR("x-amz-server-side-encryption"));
  struct str customer =
      aws_client_response_header(response, STR("x-amz-server-side-encryption-customer-algorithm"));
  return str_starts_with(method, STR("aws:kms")) || customer.length > 0;
}

static const char *header_copy(struct arena *arena, const struct aws_response *response,
                               const char *name) {
  return arena_copy(arena, aws_client_response_header(response, str_from(name)));
}

static void on_head(const struct aws_response *response, void *argument) {
  struct bucket_question *question = argument;
  struct arena *arena = ((struct bucket_asking *)question->pool->argument)->arena;
  struct bucket_object *object = question->object;
  if (!response->error) {
    object->asked = true;
    object->encrypted = is_encrypted(response);
    object->stored_md5 = header_copy(arena, response, "x-amz-meta-cruddur-md5");
    for (size_t i = 0; i < SYNC_HEADER_COUNT; i++)
      object->headers.values[i] = header_copy(arena, response, object_headers_name(i));
  }
  /* Somebody has deleted it since the list: whoever writes finds out by the lock, or by a 404. */
  bool is_gone = response->status == 404;
  sync_pool_ended(question->pool, question->index, 0, is_gone ? NULL : response->error);
}

static void start_question(struct sync_pool *pool, size_t index) {
  struct bucket_asking *asking = pool->argument;
  struct bucket_question *question = &asking->questions[index];
  struct s3_bucket bucket = place_bucket(asking->place, 0);
  struct error error = {0};
  question->pool = pool;
  question->index = index;
  if (s3_head(sync_session_client(pool->session), &bucket, question->object->key, on_head, question,
              &error))
    return;
  sync_pool_ended(pool, index, 0, &error);
}

/* An object of another size has another content; the manifest knows the others that did not change:
 * both need no question. */
static bool must_ask(const struct sync_bucket *bucket, const struct bucket_object *object,
                     const struct sync_object *wanted) {
  const struct known_object *known = manifest_object(&bucket->manifest, object->key);
  char digest[DIGEST_SHORT_SIZE];
  if (object->size != wanted->size) return false;
  if (!bucket_object_is_known(object, known)) return true;
  object_headers_digest(&wanted->headers, digest); /* people want to see what changes */
  return strcmp(known->md5, wanted->md5) == 0 && strcmp(known->headers_digest, digest) != 0;
}

bool bucket_ask(const struct sync_session *session, struct sync_bucket *bucket,
                const struct sync_build *build, struct arena *arena, struct error *error) {
  struct bucket_question *questions = arena_take(arena, build->count * sizeof(*questions));
  if (!questions) return error_set(error, ERROR_MEMORY, "out of memory");
  size_t count = 0;
  for (size_t i = 0; i < build->count; i++) {
    struct bucket_object *object = bucket_find(bucket, build->objects[i].key);
    if (object && must_ask(bucket, object, &build->objects[i])) questions[count++].object = object;
  }
  bucket->asked = count;
  struct bucket_asking asking = {questions, &bucket->place, arena};
  struct sync_pool pool = {.session = session,
                           .argument = &asking,
                           .start = start_question,
                           .count = count,
                           .progress = {.what = "comparing"}};
  if (!sync_pool_work(&pool)) {
    *error = pool.first_error;
    return error_prefix(error, "reading the headers of an object");
  }
  return !arena->failed || error_set(error, ERROR_MEMORY, "out of memory");
}
