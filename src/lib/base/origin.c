/* origin.c: normalises origins that people wrote. */
#include "lib/base/origin.h"

#include <stdio.h>

static const struct {
  struct str name;
  uint64_t port;
} SCHEMES[] = {{{"https://", 8}, 443}, {{"http://", 7}, 80}};

enum { SCHEME_COUNT = sizeof(SCHEMES) / sizeof(SCHEMES[0]), HOST_LONGEST = 253 };

/* The parts of what was written. */
struct origin_parts {
  size_t scheme; /* its place in SCHEMES */
  struct str host, port, rest;
};

static struct str cut_until(struct str *text, const char *ends) {
  struct str part = {text->data, 0};
  while (part.length < text->length && !strchr(ends, text->data[part.length]))
    part.length++;
  *text = (struct str){text->data + part.length, text->length - part.length};
  return part;
}

/* An address of IPv6 stands in brackets, and has colons. */
static struct str cut_host(struct str *text) {
  if (!str_starts_with(*text, STR("["))) return cut_until(text, ":/?#");
  struct str host = cut_until(text, "]/?#");
  if (!str_starts_with(*text, STR("]"))) return host;
  *text = (struct str){text->data + 1, text->length - 1};
  host.length++;
  return host;
}

static bool split(struct str text, struct origin_parts *ret_parts) {
  for (size_t i = 0; i < SCHEME_COUNT; i++) {
    size_t length = SCHEMES[i].name.length;
    if (text.length < length ||
        !str_equal_ignore_case((struct str){text.data, length}, SCHEMES[i].name))
      continue;
    struct str rest = {text.data + length, text.length - length};
    *ret_parts = (struct origin_parts){.scheme = i, .host = cut_host(&rest)};
    if (str_starts_with(rest, STR(":"))) {
      rest = (struct str){rest.data + 1, rest.length - 1};
      ret_parts->port = cut_until(&rest, "/?#");
    }
    ret_parts->rest = rest;
    return true;
  }
  return false;
}

static bool is_host_byte(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || (byte > 0 && strchr("-._[]:", byte));
}

static bool check_host(struct str host, struct error *error) {
  if (host.length == 0 || host.length > HOST_LONGEST)
    return error_set(error, ERROR_INVALID, "it has no host");
  if (memchr(host.data, '*', host.length))
    return error_set(error, ERROR_INVALID, "name each host, or write * alone to allow all");
  if (memchr(host.data, '@', host.length))
    return error_set(error, ERROR_INVALID, "an origin has no user");
  for (size_t i = 0; i < host.length; i++) {
    if ((unsigned char)host.data[i] >= 0x80)
      return error_set(error, ERROR_INVALID,
                       "browsers send hosts beyond ASCII in Punycode, such as "
                       "https://xn--bcher-kva.example");
    if (!is_host_byte(host.data[i]))
      return error_set(error, ERROR_INVALID, "a host has no such characters");
  }
  return true;
}

static void write_origin(const struct origin_parts *parts, uint64_t port, char *ret_origin) {
  struct str scheme = SCHEMES[parts->scheme].name;
  size_t length = scheme.length;
  memcpy(ret_origin, scheme.data, length);
  for (size_t i = 0; i < parts->host.length; i++) {
    char byte = parts->host.data[i];
    ret_origin[length++] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
  }
  ret_origin[length] = '\0';
  if (port != SCHEMES[parts->scheme].port)
    snprintf(ret_origin + length, ORIGIN_SIZE - length, ":%u", (unsigned)port);
}

bool origin_normalise(struct str text, char ret_origin[ORIGIN_SIZE], struct error *error) {
  struct origin_parts parts;
  if (!split(str_trim(text), &parts))
    return error_set(error, ERROR_INVALID, "it begins with neither https:// nor http://");
  uint64_t port = SCHEMES[parts.scheme].port;
  if (!check_host(parts.host, error)) return false;
  if (parts.port.data && !str_to_u64(parts.port, 1, 65535, &port))
    return error_set(error, ERROR_INVALID, "its port must be a number from 1 to 65535");
  char origin[ORIGIN_SIZE];
  write_origin(&parts, port, origin);
  if (parts.rest.length > 0 && !str_equal(parts.rest, STR("/")))
    return error_set(error, ERROR_INVALID, "browsers send no path, write %s", origin);
  memcpy(ret_origin, origin, sizeof(origin));
  return true;
}
