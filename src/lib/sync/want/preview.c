/* preview.c: a build that is shipped below a folder of its own. */
#include "lib/sync/want/preview.h"

#include "lib/base/cleanup.h"

#include <assert.h>
#include <string.h>

enum { NAME_LENGTH_LIMIT = 63, SHOWN_LENGTH_LIMIT = 200 };

bool preview_is_name(const char *name) {
  size_t length = strlen(name);
  return length > 0 && length <= NAME_LENGTH_LIMIT &&
         strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

size_t preview_folder_length(const char *key) {
  size_t folder = strlen(PREVIEW_FOLDER);
  if (strncmp(key, PREVIEW_FOLDER, folder) != 0) return 0;
  const char *slash = strchr(key + folder, '/');
  return slash ? (size_t)(slash + 1 - key) : 0;
}

/* The next path that the page refers to, in quotes behind src= or href=; a URL of another host
 * begins with two slashes. */
static bool next_reference(struct str *rest, struct str *ret_path) {
  static const char *const NAMES[] = {"src=", "href="};
  for (; rest->length > 0; rest->data++, rest->length--)
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
      struct str name = str_from(NAMES[i]);
      if (!str_starts_with(*rest, name) || rest->length < name.length + 3) continue;
      char quote = rest->data[name.length];
      struct str path = {rest->data + name.length + 1, rest->length - name.length - 1};
      const char *end = memchr(path.data, quote, path.length);
      if ((quote != '"' && quote != '\'') || !end || path.data[0] != '/' || path.data[1] == '/')
        continue;
      path.length = (size_t)(end - path.data);
      *rest = (struct str){end, rest->length - (size_t)(end - rest->data)};
      *ret_path = path;
      return true;
    }
  return false;
}

bool preview_check(const struct sync_build *build, const char *prefix, struct error *error) {
  _cleanup_(buffer_free) struct buffer key = BUFFER_EMPTY, page = BUFFER_EMPTY;
  assert(*prefix && prefix[strlen(prefix) - 1] == '/');
  buffer_append_format(&key, "%sindex.html", prefix);
  const struct sync_object *index = build_find(build, buffer_text(&key));
  if (!index) return error_set(error, ERROR_REFUSED, "a preview needs an index.html");
  if (!build_read(build, index, &page, error)) return false;
  struct str rest = buffer_str(&page), path;
  while (next_reference(&rest, &path)) {
    struct str below = {path.data + 1, path.length - 1};
    if (str_starts_with(below, str_from(prefix))) continue;
    int length = path.length < SHOWN_LENGTH_LIMIT ? (int)path.length : SHOWN_LENGTH_LIMIT;
    return error_set(error, ERROR_REFUSED,
                     "index.html refers to %.*s, which is not below /%s: the preview would load "
                     "files of the live site. Build it with PUBLIC_URL=/%.*s",
                     length, path.data, prefix, (int)strlen(prefix) - 1, prefix);
  }
  return true;
}
