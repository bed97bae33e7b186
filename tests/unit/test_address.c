/* test_address.c: IP addresses as proxies write them, and networks. */
#include "unit.h"

#include "lib/base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* The address that was read, as inet_ntop() writes it in IPv6; "-" when it was refused. */
static const char *read_address(struct str text) {
  static char written[INET6_ADDRSTRLEN];
  struct address address;
  if (!address_parse(text, &address)) return "-";
  return inet_ntop(AF_INET6, address.bytes, written, sizeof(written));
}

static void addresses_with_and_without_port(void **state) {
  assert_string_equal(read_address(STR("203.0.113.7")), "::ffff:203.0.113.7");
  assert_string_equal(read_address(STR("203.0.113.7:4711")), "::ffff:203.0.113.7");
  assert_string_equal(read_address(STR("2001:db8::7")), "2001:db8::7");
  assert_string_equal(read_address(STR("[2001:db8::7]")), "2001:db8::7");
  assert_string_equal(read_address(STR("[2001:DB8:0::7]:65535")), "2001:db8::7");
  assert_string_equal(read_address(STR("::ffff:203.0.113.7")), "::ffff:203.0.113.7");
  assert_string_equal(read_address(STR("::")), "::");
}

static void everything_else_is_refused(void **state) {
  static const char *const BAD[] = {
      "",
      "unknown",
      "_hidden",
      "localhost",
      "203.0.113",
      "203.0.113.",
      "203.0.113.256",
      "203.0.113.07",
      "203.0.113.7:",
      "203.0.113.7:65536",
      "203.0.113.7:-1",
      "203.0.113.7:80:80",
      "203.0.113.7 ",
      "[203.0.113.7]",
      "[2001:db8::7",
      "2001:db8::7]",
      "[2001:db8::7]80",
      "[2001:db8::7]:",
      "[2001:db8::7]:x",
      "[]",
      "[",
      "]",
      ":",
      "[:]",
      "2001:db8::7::1",
      "2001:db8::7%eth0",
      "12345::1",
      "\"203.0.113.7\"",
      "1:2:3:4:5:6:7:8:9",
      "2001:0db8:0000:0000:0000:0000:0000:0007:0000:0000:0000:0000",
  };
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
    assert_string_equal(read_address(str_from(BAD[i])), "-");
  assert_string_equal(read_address(STR("203.0.113.7\0")), "-");
  assert_string_equal(read_address((struct str){NULL, 0}), "-");
}

static void sockets_of_both_families(void **state) {
  struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = 1};
  struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = 1};
  struct sockaddr other = {.sa_family = AF_UNIX};
  struct address wanted, found;
  inet_pton(AF_INET, "203.0.113.7", &ipv4.sin_addr);
  assert_true(address_from_socket((struct sockaddr *)&ipv4, &found));
  assert_true(address_parse(STR("203.0.113.7"), &wanted));
  assert_memory_equal(&found, &wanted, sizeof(found));
  assert_true(address_is_ipv4(&found));
  inet_pton(AF_INET6, "::ffff:203.0.113.7", &ipv6.sin6_addr);
  assert_true(address_from_socket((struct sockaddr *)&ipv6, &found));
  assert_memory_equal(&found, &wanted, sizeof(found));
  inet_pton(AF_INET6, "2001:db8::7", &ipv6.sin6_addr);
  assert_true(address_from_socket((struct sockaddr *)&ipv6, &found));
  assert_false(address_is_ipv4(&found));
  assert_false(address_from_socket(&other, &found));
}

static bool holds(const char *network_text, const char *address_text) {
  struct network network;
  struct address address;
  assert_true(address_network_parse(str_from(network_text), &network));
  assert_true(address_parse(str_from(address_text), &address));
  return address_network_holds(&network, &address);
}

static void networks_hold_their_addresses(void **state) {
  assert_true(holds("10.0.0.0/8", "10.255.255.255"));
  assert_false(holds("10.0.0.0/8", "11.0.0.0"));
  assert_true(holds("10.1.2.128/25", "10.1.2.128"));
  assert_false(holds("10.1.2.128/25", "10.1.2.127"));
  assert_true(holds("10.1.2.3", "10.1.2.3"));
  assert_false(holds("10.1.2.3", "10.1.2.2"));
  assert_true(holds("10.0.0.0/8", "::ffff:10.0.0.1"));
  assert_true(holds("::ffff:10.0.0.0/104", "10.0.0.1"));
  assert_true(holds("0.0.0.0/0", "203.0.113.7"));
  assert_false(holds("0.0.0.0/0", "2001:db8::1"));
  assert_true(holds("::/0", "203.0.113.7"));
  assert_true(holds("2001:db8::/33", "2001:db8:7fff::1"));
  assert_false(holds("2001:db8::/33", "2001:db8:8000::1"));
  assert_false(holds("fd00::/8", "10.0.0.1"));
}

static void bad_networks_are_refused(void **state) {
  static const char *const BAD[] = {
      "",           "/8",          "10.0.0.0/",         "10.0.0.0/33",
      "10.0.0.1/8", "10.0.0.0/-1", "10.0.0.0/8 ",       "10.0.0.0/8/8",
      "fd00::/129", "fd00::1/8",   "[fd00::]/8",        "10.0.0.0:80/8",
      "10/8",       "lan",         "fd00::/99999999999"};
  struct network network;
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
    assert_false(address_network_parse(str_from(BAD[i]), &network));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(addresses_with_and_without_port),
      cmocka_unit_test(everything_else_is_refused),
      cmocka_unit_test(sockets_of_both_families),
      cmocka_unit_test(networks_hold_their_addresses),
      cmocka_unit_test(bad_networks_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
