/* hashed.c: which files have a hash of their content in their names. */
#include "lib/sync/want/hashed.h"

#include "lib/base/buffer.h"
#include "lib/base/cleanup.h"
#include "lib/sync/keyed.h"
#include "lib/sync/want/glob.h"

#include <assert.h>
#include <ctype.h>
#include <jansson.h>
#include <string.h>

enum { HASH_LENGTH = 8, CHANGES_OF_CASE = 3 };

static struct str name_of(struct str path) {
  const char *slash = path.length > 0 ? memrchr(path.data, '/', path.length) : NULL;
  if (!slash) return path;
  size_t skipped = (size_t)(slash + 1 - path.data);
  return (struct str){slash + 1, path.length - skipped};
}

/* --- Names --- */

/* What a part of a name is made of. */
struct hashed_part {
  bool plain; /* ASCII letters, digits and underscores alone */
  bool hex;   /* lower-case hexadecimal digits alone */
  size_t digits, lower, upper, changes;
};

static struct hashed_part look_at(struct str part) {
  struct hashed_part seen = {.plain = true, .hex = true};
  char before = '\0';
  for (size_t i = 0; i < part.length; i++) {
    char byte = part.data[i];
    bool digit = byte >= '0' && byte <= '9', lower = byte >= 'a' && byte <= 'z';
    bool upper = byte >= 'A' && byte <= 'Z';
    char kind = lower ? 'a' : upper ? 'A' : '0';
    seen.plain &= digit || lower || upper || byte == '_';
    seen.hex &= digit || (byte >= 'a' && byte <= 'f');
    seen.digits += digit;
    seen.lower += lower;
    seen.upper += upper;
    seen.changes += i > 0 && kind != before;
    before = kind;
  }
  return seen;
}

static bool is_hex_hash(const struct hashed_part *part) {
  return part->hex && part->digits > 0 && part->lower > 0;
}

/* No word looks like this: capitals with digits, or letters that change between small and capital.
 */
static bool is_no_word(struct str part, const struct hashed_part *seen) {
  return seen->plain && part.length == HASH_LENGTH &&
         ((seen->upper > 0 && seen->digits > 0) ||
          (seen->upper > 0 && seen->changes >= CHANGES_OF_CASE));
}

static bool is_script_or_style(struct str name) {
  static const char *const ENDINGS[] = {"*.js",     "*.mjs",     "*.css",
                                        "*.js.map", "*.mjs.map", "*.css.map"};
  for (size_t i = 0; i < sizeof(ENDINGS) / sizeof(ENDINGS[0]); i++)
    if (glob_fits(str_from(ENDINGS[i]), name)) return true;
  return false;
}

/* What is asked of a part, by the file's place and kind. */
struct hashed_habits {
  bool bundled, script;
};

static bool is_hash(struct str part, const struct hashed_habits *habits) {
  if (part.length < HASH_LENGTH) return false;
  struct hashed_part seen = look_at(part);
  return is_hex_hash(&seen) || (habits->bundled && seen.plain) ||
         (habits->script && is_no_word(part, &seen));
}

/* Vite's hashes may have a dash inside: eight characters between a dash and the next dot. */
static bool ends_in_dashed_hash(struct str name, size_t end) {
  if (end < HASH_LENGTH + 2 || name.data[end - HASH_LENGTH - 1] != '-') return false;
  struct str part = {name.data + end - HASH_LENGTH, HASH_LENGTH};
  size_t others = 0;
  for (size_t i = 0; i < part.length; i++) {
    unsigned char byte = (unsigned char)part.data[i];
    bool fits = byte < 0x80 && (isalnum(byte) || byte == '_' || byte == '-');
    if (!fits) return false;
    others += isdigit(byte) || isupper(byte) || byte == '_';
  }
  return others > 0;
}

bool hashed_name(struct str path) {
  struct str name = name_of(path);
  struct hashed_habits habits = {.bundled = str_starts_with(path, STR("static/")) ||
                                            str_starts_with(path, STR("assets/")),
                                 .script = is_script_or_style(name)};
  bool first = true;
  size_t start = 0;
  for (size_t i = 0; i < name.length; i++) {
    if (name.data[i] != '.' && name.data[i] != '-') continue;
    if (!first && is_hash((struct str){name.data + start, i - start}, &habits)) return true;
    if (habits.bundled && name.data[i] == '.' && ends_in_dashed_hash(name, i)) return true;
    first = false;
    start = i + 1;
  }
  return false;
}

bool hashed_never(struct str path) {
  static const char *const PATTERNS[] = {"sw.js",
                                         "*-sw.js",
                                         "*.sw.js",
                                         "sw.*.js",
                                         "sw-*.js",
                                         "*service-worker*.js",
                                         "*ngsw*.js",
                                         "*serviceworker*.js",
                                         "*serviceWorker*.js",
                                         "*ServiceWorker*.js"};
  struct str name = name_of(path);
  for (size_t i = 0; i < sizeof(PATTERNS) / sizeof(PATTERNS[0]); i++)
    if (glob_fits(str_from(PATTERNS[i]), name)) return true;
  return false;
}

/* --- Lists --- */

/* A name without its last ending. */
static struct str stem_of(struct str path) {
  struct str name = name_of(path);
  const char *dot = name.length > 0 ? memrchr(name.data, '.', name.length) : NULL;
  return dot ? (struct str){name.data, (size_t)(dot - name.data)} : name;
}

/* The path below the build folder of what a list names by path or URL: a site may be served below
 * another folder or host, but create-react-app writes below static/. */
static struct str below_build(struct str listed) {
  const char *folder = memmem(listed.data, listed.length, "/static/", strlen("/static/"));
  size_t skipped = folder ? (size_t)(folder + 1 - listed.data) : 0;
  struct str rest = {listed.data + skipped, listed.length - skipped};
  while (str_starts_with(rest, STR("/")))
    rest = (struct str){rest.data + 1, rest.length - 1};
  return str_starts_with(rest, STR("./")) ? (struct str){rest.data + 2, rest.length - 2} : rest;
}

/* A file whose name is that of its source has no hash in it. */
static void add(struct arena *arena, struct hashed_list *list, struct str source,
                struct str listed) {
  struct str path = below_build(listed);
  if (path.length == 0 || str_equal(stem_of(source), stem_of(path))) return;
  const char **paths = arena_grow(arena, list->paths, list->count, &list->capacity, sizeof(*paths));
  if (!paths) return;
  list->paths = paths;
  list->paths[list->count++] = arena_copy(arena, path);
}

static struct str text_of(const json_t *value) {
  return (struct str){json_string_value(value), json_string_length(value)};
}

/* {"files": {"main.js": "/static/js/main.8a2b3c4d.js", …}, "entrypoints": […]} */
static void read_react(json_t *files, struct arena *arena, struct hashed_list *list) {
  const char *source;
  json_t *value;
  json_object_foreach(files, source, value) {
    if (json_is_string(value)) add(arena, list, str_from(source), text_of(value));
  }
}

static bool is_vite(json_t *root) {
  const char *source;
  json_t *value;
  json_object_foreach(root, source, value) {
    if (!json_is_string(json_object_get(value, "file"))) return false;
  }
  return json_object_size(root) > 0;
}

/* {"src/main.ts": {"file": "assets/main-DiwrgTda.js", "name": "main", …}, …} */
static void read_vite(json_t *root, struct arena *arena, struct hashed_list *list) {
  const char *source;
  json_t *value;
  json_object_foreach(root, source, value) {
    const json_t *name = json_object_get(value, "name");
    add(arena, list, json_is_string(name) ? text_of(name) : str_from(source),
        text_of(json_object_get(value, "file")));
  }
}

void hashed_read_list(struct str text, struct arena *arena, struct hashed_list *list) {
  json_t *root = json_loadb(text.data ? text.data : "", text.length, JSON_REJECT_DUPLICATES, NULL);
  json_t *files = json_object_get(root, "files");
  if (json_is_object(files) && json_is_array(json_object_get(root, "entrypoints")))
    read_react(files, arena, list);
  else if (is_vite(root))
    read_vite(root, arena, list);
  json_decref(root);
}

void hashed_sort(struct hashed_list *list) {
  list->count = keyed_sort_unique(list->paths, list->count, sizeof(list->paths[0]));
}

bool hashed_listed(const struct hashed_list *list, struct str path) {
  size_t low = 0, high = list->count;
  assert(list->count == 0 || list->paths);
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    struct str listed = str_from(list->paths[middle]);
    size_t shorter = listed.length < path.length ? listed.length : path.length;
    int order = memcmp(path.data, listed.data, shorter);
    if (order == 0 && path.length == listed.length) return true;
    if (order < 0 || (order == 0 && path.length < listed.length))
      high = middle;
    else
      low = middle + 1;
  }
  return false;
}
