/* expiry.c: see expiry.h. */
#include "lib/aws/expiry.h"

#include <ctype.h>
#include <time.h>

enum { EXPIRY_SIZE = 40 };

static bool is_digit(char byte) {
  return isdigit((unsigned char)byte) != 0;
}

/* "Z", "UTC", "+02:00" or "+0200". */
static bool parse_offset(const char *text, int *ret_seconds) {
  *ret_seconds = 0;
  if (strcmp(text, "Z") == 0 || strcmp(text, "UTC") == 0) return true;
  if (*text != '+' && *text != '-') return false;
  const char *minutes = text[1] && text[2] ? text + 3 + (text[3] == ':') : "";
  if (!is_digit(text[1]) || !is_digit(text[2]) || !is_digit(minutes[0]) || !is_digit(minutes[1]) ||
      minutes[2] != '\0')
    return false;
  int hours = (text[1] - '0') * 10 + text[2] - '0';
  int rest = (minutes[0] - '0') * 10 + minutes[1] - '0';
  if (hours > 23 || rest > 59) return false;
  *ret_seconds = (hours * 60 + rest) * 60 * (*text == '-' ? -1 : 1);
  return true;
}

bool expiry_parse(struct str text, int64_t *ret_unix_us) {
  char copy[EXPIRY_SIZE];
  struct tm parts = {0};
  int offset_s;
  if (text.length == 0 || text.length >= sizeof(copy)) return false;
  memcpy(copy, text.data, text.length);
  copy[text.length] = '\0';
  const char *rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &parts);
  if (!rest) return false;
  if (*rest == '.') rest += 1 + strspn(rest + 1, "0123456789");
  if (!parse_offset(rest, &offset_s)) return false;
  *ret_unix_us = ((int64_t)timegm(&parts) - offset_s) * 1000000;
  return true;
}
