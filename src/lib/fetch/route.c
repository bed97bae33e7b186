/* route.c: which way a request goes. */
#include "lib/fetch/route.h"

#include "lib/base/str.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool is_near_v4(const unsigned char *address) {
  return address[0] == 127 || (address[0] == 169 && address[1] == 254);
}

/* ::1, fe80::/10, IPv4 in IPv6, and fd00:ec2::/32, where AWS's metadata services are. */
static bool is_near_v6(const unsigned char *address) {
  static const unsigned char LOOPBACK[16] = {[15] = 1}, AWS[4] = {0xFD, 0x00, 0x0E, 0xC2};
  static const unsigned char MAPPED[12] = {[10] = 0xFF, [11] = 0xFF};
  if (memcmp(address, MAPPED, sizeof(MAPPED)) == 0) return is_near_v4(address + sizeof(MAPPED));
  return memcmp(address, LOOPBACK, sizeof(LOOPBACK)) == 0 ||
         (address[0] == 0xFE && (address[1] & 0xC0) == 0x80) ||
         memcmp(address, AWS, sizeof(AWS)) == 0;
}

/* `host` as it stands in a URL, an IPv6 address in brackets. */
static bool is_near(const char *host) {
  unsigned char address[16];
  char bare[64];
  size_t length = strlen(host);
  if (strcasecmp(host, "localhost") == 0) return true;
  if (length > 10 && strcasecmp(host + length - 10, ".localhost") == 0) return true;
  if (inet_pton(AF_INET, host, address) == 1) return is_near_v4(address);
  if (host[0] != '[' || length < 3 || length - 2 >= sizeof(bare)) return false;
  memcpy(bare, host + 1, length - 2);
  bare[length - 2] = '\0';
  bare[strcspn(bare, "%")] = '\0'; /* the zone of a link-local address */
  return inet_pton(AF_INET6, bare, address) == 1 && is_near_v6(address);
}

static bool url_is_near(const char *url) {
  CURLU *parts = curl_url();
  char *host = NULL;
  bool near = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK && is_near(host);
  curl_free(host);
  curl_url_cleanup(parts);
  return near;
}

CURLcode route_set(CURL *easy, const char *url, const char *ca_bundle) {
  CURLcode code = CURLE_OK;
  assert(easy && url);
  if (url_is_near(url)) code = curl_easy_setopt(easy, CURLOPT_PROXY, "");
  if (code == CURLE_OK && ca_bundle) code = curl_easy_setopt(easy, CURLOPT_CAINFO, ca_bundle);
  return code;
}
