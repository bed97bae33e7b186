/* etag.c: makes entity tags and finds them in lists. */
#include "lib/http/etag.h"

#define XXH_INLINE_ALL /* no library to link with at run time */
#include <stdio.h>
#include <xxhash.h>

/* The hash has no secret, since every instance must make the same tag: whoever chose a body to meet
 * the tag of another one of equal length would hide a change from caches, and gain nothing. */

void etag_make(struct str body, char ret_tag[ETAG_SIZE]) {
  snprintf(ret_tag, ETAG_SIZE, "W/\"%zx-%016llx\"", body.length,
           (unsigned long long)XXH3_64bits(body.data, body.length));
}

/* What stands between the quotes: weak comparison looks at nothing else. */
static struct str opaque_part(struct str tag) {
  if (str_starts_with(tag, STR("W/"))) tag = (struct str){tag.data + 2, tag.length - 2};
  return tag;
}

/* Cuts an entity tag with its quotes off `*rest`, without a W/ before it. */
static bool cut_tag(struct str *rest, struct str *ret_tag) {
  struct str text = opaque_part(*rest);
  if (text.length < 2 || text.data[0] != '"') return false;
  const char *end = memchr(text.data + 1, '"', text.length - 1);
  if (!end) return false;
  *ret_tag = (struct str){text.data, (size_t)(end - text.data) + 1};
  *rest = (struct str){end + 1, text.length - ret_tag->length};
  return true;
}

bool etag_list_has(struct str list, struct str tag) {
  struct str rest = str_trim(list), found;
  if (str_equal(rest, STR("*"))) return true;
  tag = opaque_part(tag);
  while (rest.length > 0) {
    bool is_separator = rest.data[0] == ',' || rest.data[0] == ' ' || rest.data[0] == '\t';
    if (is_separator)
      rest = (struct str){rest.data + 1, rest.length - 1};
    else if (!cut_tag(&rest, &found))
      return false;
    else if (str_equal(found, tag))
      return true;
  }
  return false;
}
