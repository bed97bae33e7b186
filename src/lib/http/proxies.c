/* proxies.c: which proxies are trusted, and whom they name. */
#include "lib/http/proxies.h"

enum { SHOWN_LENGTH = 80 }; /* of a bad element */

bool proxies_parse(struct str list, struct proxies *ret_proxies, struct error *error) {
  struct proxies proxies = {.count = 0};
  struct str rest = list, item;
  while (str_next(&rest, ',', &item)) {
    if (proxies.count == PROXIES_LIMIT)
      return error_set(error, ERROR_INVALID, "must be %d networks at most", PROXIES_LIMIT);
    if (!address_network_parse(item, &proxies.networks[proxies.count++]))
      return error_set(error, ERROR_INVALID,
                       "must be networks such as 10.0.0.0/16, comma-separated; '%.*s' is none",
                       (int)(item.length < SHOWN_LENGTH ? item.length : SHOWN_LENGTH), item.data);
  }
  *ret_proxies = proxies;
  return true;
}

bool proxies_trust(const struct proxies *proxies, const struct address *address) {
  for (size_t i = 0; i < proxies->count; i++)
    if (address_network_holds(&proxies->networks[i], address)) return true;
  return false;
}

/* Cuts the last element of a comma-separated list off `*line`; false when nothing is left. */
static bool cut_last(struct str *line, struct str *ret_item) {
  if (line->length == 0) return false;
  const char *comma = memrchr(line->data, ',', line->length);
  size_t before = comma ? (size_t)(comma - line->data) : 0;
  size_t skipped = comma ? before + 1 : 0;
  *ret_item = str_trim((struct str){line->data + skipped, line->length - skipped});
  line->length = before;
  return true;
}

enum forwarded proxies_judge(const struct proxies *proxies, struct str line,
                             struct address *ret_client) {
  struct str item;
  while (cut_last(&line, &item)) {
    struct address address;
    if (item.length == 0) continue;
    if (!address_parse(item, &address)) return FORWARDED_GARBAGE;
    if (proxies_trust(proxies, &address)) continue;
    *ret_client = address;
    return FORWARDED_CLIENT;
  }
  return FORWARDED_NOTHING;
}
