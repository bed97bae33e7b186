/* address.h: IP addresses and networks. Both families are one type: IPv4 is the part of IPv6 that
 * RFC 4291, section 2.5.5.2, sets aside for it (::ffff:a.b.c.d). */
#pragma once

#include "lib/base/str.h"

#include <stdint.h>

struct sockaddr;

struct address {
  unsigned char bytes[16];
};

struct network {
  struct address address;
  unsigned bits; /* of 128 */
};

/* Reads an address as proxies write it: 203.0.113.7, 203.0.113.7:4711, 2001:db8::7, [2001:db8::7]
 * or [2001:db8::7]:4711. False when it is anything else. */
bool address_parse(struct str text, struct address *ret_address);

/* The address of a socket's end; false when its family is no IP. */
bool address_from_socket(const struct sockaddr *socket, struct address *ret_address);

bool address_is_ipv4(const struct address *address);

/* Reads 10.0.0.0/8, fd00::/8, or an address alone. False when it is neither, or when it names a
 * host and a prefix that leaves bits of the host over, so that nobody can tell what was meant. */
bool address_network_parse(struct str text, struct network *ret_network);

bool address_network_holds(const struct network *network, const struct address *address);
