/* target.c: splits the target of a request line. */
#include "lib/http/target.h"

static bool is_plain(struct str text) {
  for (size_t i = 0; i < text.length; i++) {
    unsigned char byte = (unsigned char)text.data[i];
    if (byte <= ' ' || byte == 0x7F) return false;
  }
  return true;
}

static struct str skip(struct str text, size_t length) {
  return (struct str){text.data + length, text.length - length};
}

/* Cuts "http://" or "https://", in any case, and the authority off. */
static bool cut_authority(struct str *text) {
  static const struct str SCHEMES[] = {{"http://", 7}, {"https://", 8}};
  for (size_t i = 0; i < 2; i++) {
    size_t length = SCHEMES[i].length;
    if (text->length < length ||
        !str_equal_ignore_case((struct str){text->data, length}, SCHEMES[i]))
      continue;
    *text = skip(*text, length);
    while (text->length > 0 && text->data[0] != '/' && text->data[0] != '?')
      *text = skip(*text, 1);
    return true;
  }
  return false;
}

bool target_split(struct str text, struct target *ret_target) {
  bool plain = is_plain(text);
  bool is_absolute = cut_authority(&text);
  const char *question = text.length > 0 ? memchr(text.data, '?', text.length) : NULL;
  size_t length = question ? (size_t)(question - text.data) : text.length;
  *ret_target = (struct target){.path = {text.data, length}, .query = {"", 0}};
  if (question) ret_target->query = skip(text, length + 1);
  /* OPTIONS http://api.test is OPTIONS * (RFC 9112, section 3.2.4). */
  ret_target->is_server = str_equal(text, STR("*")) || (is_absolute && text.length == 0);
  if (is_absolute && length == 0) ret_target->path = STR("/");
  return plain;
}
