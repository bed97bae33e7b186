/* fuzz_forwarded.c: X-Forwarded-For, judged by a list of trusted networks: both are the input, with
 * a line feed between. */
#include "fuzz.h"

#include "lib/http/proxies.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static void check_network(const struct network *network) {
  assert(network->bits <= 128);
  assert(address_network_holds(network, &network->address));
  if (network->bits == 0) return;
  struct address outside = network->address;
  outside.bytes[(network->bits - 1) / 8] ^= (unsigned char)(1U << (7 - (network->bits - 1) % 8));
  assert(!address_network_holds(network, &outside));
}

static void check_address(const struct address *address) {
  char text[INET6_ADDRSTRLEN];
  struct address again;
  assert(inet_ntop(AF_INET6, address->bytes, text, sizeof(text)));
  assert(address_parse(str_from(text), &again));
  assert(memcmp(again.bytes, address->bytes, sizeof(again.bytes)) == 0);
  assert(address_is_ipv4(&again) == (strncmp(text, "::ffff:", 7) == 0 && strchr(text, '.')));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str line = fuzz_text(data, size), list = fuzz_cut(&line, '\n');
  static const struct proxies NOBODY;
  static struct proxies proxies; /* large, and cleared by the parser */
  struct error error = {0};
  struct address client;
  proxies = NOBODY;
  if (proxies_parse(list, &proxies, &error))
    assert(proxies.count > 0 || list.length == 0);
  else
    assert(error.kind == ERROR_INVALID && proxies.count == 0);
  assert(proxies.count <= PROXIES_LIMIT);
  for (size_t i = 0; i < proxies.count; i++)
    check_network(&proxies.networks[i]);
  if (proxies_judge(&proxies, line, &client) == FORWARDED_CLIENT) {
    assert(!proxies_trust(&proxies, &client));
    check_address(&client);
  }
  return 0;
}
