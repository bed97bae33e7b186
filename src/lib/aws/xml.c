/* xml.c: see xml.h. */
#include "lib/aws/xml.h"

#include "lib/base/encoding.h"

#include <stdint.h>
#include <string.h>

enum { LONGEST_ENTITY = 10 };

static const struct {
  struct str name;
  char byte;
} ENTITIES[] = {
    {{"amp", 3}, '&'}, {{"lt", 2}, '<'}, {{"gt", 2}, '>'}, {{"quot", 4}, '"'}, {{"apos", 4}, '\''},
};

enum { ENTITY_COUNT = sizeof(ENTITIES) / sizeof(ENTITIES[0]) };

static struct str after(struct str text, size_t offset) {
  return (struct str){text.data + offset, text.length - offset};
}

/* The tag that begins at `tag` ("<…"), without its brackets; false when it does not end. */
static bool read_tag(struct str text, struct str *ret_tag) {
  const char *end = memchr(text.data, '>', text.length);
  if (!end) return false;
  *ret_tag = (struct str){text.data + 1, (size_t)(end - text.data) - 1};
  return true;
}

static bool tag_is(struct str tag, struct str name) {
  if (!str_starts_with(tag, name)) return false;
  if (tag.length == name.length) return true;
  char next = tag.data[name.length];
  return next == ' ' || next == '/' || next == '\t' || next == '\n' || next == '\r';
}

/* The end tag of `name` in `text`: where it begins and what follows it. */
static bool find_end(struct str text, struct str name, size_t *ret_begin, struct str *ret_rest) {
  size_t offset = 0;
  while (offset < text.length) {
    const char *open = memchr(text.data + offset, '<', text.length - offset);
    struct str tag;
    if (!open || !read_tag(after(text, (size_t)(open - text.data)), &tag)) return false;
    size_t begin = (size_t)(open - text.data);
    offset = begin + tag.length + 2;
    if (tag.length == 0 || tag.data[0] != '/' || !tag_is(after(tag, 1), name)) continue;
    *ret_begin = begin;
    *ret_rest = after(text, offset);
    return true;
  }
  return false;
}

bool xml_next(struct str *rest, struct str name, struct str *ret_content) {
  struct str text = *rest;
  while (text.length > 0) {
    const char *open = memchr(text.data, '<', text.length);
    struct str tag;
    if (!open || !read_tag(after(text, (size_t)(open - text.data)), &tag)) return false;
    text = after(text, (size_t)(open - text.data) + tag.length + 2);
    if (!tag_is(tag, name)) continue;
    if (tag.data[tag.length - 1] == '/') {
      *ret_content = (struct str){text.data, 0};
      *rest = text;
      return true;
    }
    size_t length;
    struct str remainder;
    if (!find_end(text, name, &length, &remainder)) return false;
    *ret_content = (struct str){text.data, length};
    *rest = remainder;
    return true;
  }
  return false;
}

struct str xml_find(struct str document, struct str name) {
  struct str content;
  return xml_next(&document, name, &content) ? content : (struct str){NULL, 0};
}

static void append_code_point(struct buffer *output, uint32_t point) {
  if (point < 0x80) {
    buffer_append_char(output, (char)point);
  } else if (point < 0x800) {
    buffer_append_char(output, (char)(0xC0 | point >> 6));
    buffer_append_char(output, (char)(0x80 | (point & 0x3F)));
  } else if (point < 0x10000) {
    buffer_append_char(output, (char)(0xE0 | point >> 12));
    buffer_append_char(output, (char)(0x80 | (point >> 6 & 0x3F)));
    buffer_append_char(output, (char)(0x80 | (point & 0x3F)));
  } else {
    buffer_append_char(output, (char)(0xF0 | point >> 18));
    buffer_append_char(output, (char)(0x80 | (point >> 12 & 0x3F)));
    buffer_append_char(output, (char)(0x80 | (point >> 6 & 0x3F)));
    buffer_append_char(output, (char)(0x80 | (point & 0x3F)));
  }
}

/* "#38" or "#x26"; false when it is no character of Unicode. */
static bool append_reference(struct buffer *output, struct str name) {
  bool is_hex = name.length > 2 && name.data[1] == 'x';
  uint32_t point = 0;
  size_t start = is_hex ? 2 : 1;
  if (name.length <= start) return false;
  for (size_t i = start; i < name.length; i++) {
    int digit = hex_value(name.data[i]);
    if (digit < 0 || (!is_hex && digit > 9)) return false;
    point = point * (is_hex ? 16 : 10) + (uint32_t)digit;
    if (point > 0x10FFFF) return false;
  }
  if (point == 0 || (point >= 0xD800 && point <= 0xDFFF)) return false;
  append_code_point(output, point);
  return true;
}

static bool append_entity(struct buffer *output, struct str name) {
  if (name.length > 0 && name.data[0] == '#') return append_reference(output, name);
  for (size_t i = 0; i < ENTITY_COUNT; i++) {
    if (!str_equal(name, ENTITIES[i].name)) continue;
    buffer_append_char(output, ENTITIES[i].byte);
    return true;
  }
  return false;
}

void xml_append_text(struct buffer *output, struct str content) {
  for (size_t i = 0; i < content.length; i++) {
    if (content.data[i] == '&') {
      size_t left = content.length - i - 1;
      const char *name = content.data + i + 1;
      const char *end = memchr(name, ';', left < LONGEST_ENTITY ? left : LONGEST_ENTITY);
      if (end && append_entity(output, (struct str){name, (size_t)(end - name)})) {
        i += (size_t)(end - name) + 1;
        continue;
      }
    }
    buffer_append_char(output, content.data[i]);
  }
}

void xml_append_escaped(struct buffer *output, struct str text) {
  for (size_t i = 0; i < text.length; i++) {
    size_t entity = 0;
    while (entity < ENTITY_COUNT && ENTITIES[entity].byte != text.data[i])
      entity++;
    unsigned char byte = (unsigned char)text.data[i];
    if (entity < ENTITY_COUNT) {
      buffer_append_format(output, "&%s;", ENTITIES[entity].name.data);
    } else if (byte < 0x20) {
      buffer_append_format(output, "&#%u;", byte);
    } else {
      buffer_append_char(output, text.data[i]);
    }
  }
}
