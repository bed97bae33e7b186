/* address.c: reads IP addresses and networks, and compares them bit by bit. */
#include "lib/base/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { ADDRESS_BITS = 128, PORT_HIGHEST = 65535 };

static const unsigned char IPV4_PREFIX[12] = {[10] = 0xff, [11] = 0xff};

static bool parse_plain(struct str text, struct address *ret_address) {
  char copy[INET6_ADDRSTRLEN];
  struct address address;
  if (text.length == 0 || text.length >= sizeof(copy) || memchr(text.data, '\0', text.length))
    return false;
  memcpy(copy, text.data, text.length);
  copy[text.length] = '\0';
  if (inet_pton(AF_INET6, copy, address.bytes) != 1) {
    memcpy(address.bytes, IPV4_PREFIX, sizeof(IPV4_PREFIX));
    if (inet_pton(AF_INET, copy, address.bytes + sizeof(IPV4_PREFIX)) != 1) return false;
  }
  *ret_address = address;
  return true;
}

/* What stands before the first `separator` and behind it. */
static bool split(struct str text, char separator, struct str *ret_before, struct str *ret_behind) {
  const char *at = text.length > 0 ? memchr(text.data, separator, text.length) : NULL;
  if (!at) return false;
  size_t before = (size_t)(at - text.data);
  *ret_before = (struct str){text.data, before};
  *ret_behind = (struct str){at + 1, text.length - before - 1};
  return true;
}

static bool parse_bracketed(struct str text, struct address *ret_address) {
  struct str inside, rest;
  uint64_t port;
  text.data++, text.length--;
  if (!split(text, ']', &inside, &rest) || !memchr(inside.data, ':', inside.length)) return false;
  if (rest.length > 0 &&
      (rest.data[0] != ':' ||
       !str_to_u64((struct str){rest.data + 1, rest.length - 1}, 0, PORT_HIGHEST, &port)))
    return false;
  return parse_plain(inside, ret_address);
}

bool address_parse(struct str text, struct address *ret_address) {
  struct str host, rest;
  uint64_t port;
  if (text.length > 0 && text.data[0] == '[') return parse_bracketed(text, ret_address);
  bool one_colon = split(text, ':', &host, &rest) && !memchr(rest.data, ':', rest.length);
  if (!one_colon) return parse_plain(text, ret_address);
  return str_to_u64(rest, 0, PORT_HIGHEST, &port) && parse_plain(host, ret_address);
}

bool address_from_socket(const struct sockaddr *socket, struct address *ret_address) {
  if (socket->sa_family == AF_INET6) {
    struct sockaddr_in6 ipv6;
    memcpy(&ipv6, socket, sizeof(ipv6));
    memcpy(ret_address->bytes, &ipv6.sin6_addr, sizeof(ret_address->bytes));
    return true;
  }
  if (socket->sa_family != AF_INET) return false;
  struct sockaddr_in ipv4;
  memcpy(&ipv4, socket, sizeof(ipv4));
  memcpy(ret_address->bytes, IPV4_PREFIX, sizeof(IPV4_PREFIX));
  memcpy(ret_address->bytes + sizeof(IPV4_PREFIX), &ipv4.sin_addr, sizeof(ipv4.sin_addr));
  return true;
}

bool address_is_ipv4(const struct address *address) {
  return memcmp(address->bytes, IPV4_PREFIX, sizeof(IPV4_PREFIX)) == 0;
}

static bool bit_of(const struct address *address, unsigned bit) {
  return address->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

bool address_network_parse(struct str text, struct network *ret_network) {
  struct str host, prefix;
  struct network network = {.bits = ADDRESS_BITS};
  bool has_prefix = split(text, '/', &host, &prefix);
  if (!parse_plain(has_prefix ? host : text, &network.address)) return false;
  if (has_prefix) {
    uint64_t bits, before = memchr(host.data, ':', host.length) ? 0 : 8 * sizeof(IPV4_PREFIX);
    if (!str_to_u64(prefix, 0, ADDRESS_BITS - before, &bits)) return false;
    network.bits = (unsigned)(before + bits);
  }
  for (unsigned bit = network.bits; bit < ADDRESS_BITS; bit++)
    if (bit_of(&network.address, bit)) return false;
  *ret_network = network;
  return true;
}

bool address_network_holds(const struct network *network, const struct address *address) {
  assert(network->bits <= ADDRESS_BITS); /* beyond it are other bytes */
  unsigned whole = network->bits / 8, rest = network->bits % 8;
  if (memcmp(network->address.bytes, address->bytes, whole) != 0) return false;
  if (rest == 0) return true;
  unsigned difference = network->address.bytes[whole] ^ address->bytes[whole];
  return difference >> (8 - rest) == 0;
}
