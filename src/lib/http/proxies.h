/* proxies.h: the proxies whose word counts for who the client is. Anybody can send
 * X-Forwarded-For; each proxy appends whom it was called by, so that it is to be believed from its
 * right end up to the first address that is no proxy of ours. */
#pragma once

#include "lib/base/address.h"
#include "lib/base/error.h"

enum { PROXIES_LIMIT = 64 };

struct proxies {
  struct network networks[PROXIES_LIMIT];
  size_t count; /* 0: nobody is believed */
};

/* Reads networks, comma-separated. The error says what about them is wrong, for a setting's name to
 * stand before it. */
bool proxies_parse(struct str list, struct proxies *ret_proxies, struct error *error);

bool proxies_trust(const struct proxies *proxies, const struct address *address);

enum forwarded {
  FORWARDED_NOTHING, /* no address but those of trusted proxies */
  FORWARDED_CLIENT,
  FORWARDED_GARBAGE, /* what a trusted proxy was called by is no address */
};

/* Judges one line of X-Forwarded-For from its right end; several lines count as one, the last line
 * being its right end (RFC 9110, section 5.3). `*ret_client` is filled for FORWARDED_CLIENT. */
enum forwarded proxies_judge(const struct proxies *proxies, struct str line,
                             struct address *ret_client);
