/* time.h: reading the times that others write: RFC 3339 and RFC 7231. clock.h writes them. */
#pragma once

#include "lib/base/str.h"

enum {
  /* What time_parse_rfc3339() takes beyond RFC 3339; to be added up. */
  TIME_OFFSET_OPTIONAL = 1, /* no offset at all means UTC */
  TIME_OFFSET_LOOSE = 2,    /* also "UTC" and "+0200", as old versions of the AWS CLI write */

  TIME_RFC3339_LIMIT = 35, /* bytes of the longest text that time_parse_rfc3339() takes */
};

/* Reads "2023-05-20T23:44:59.123456+02:00" or "2023-05-20T23:44:59Z" (RFC 3339, section 5.6) of the
 * years 1 to 9999 into microseconds of UTC since 1970. The fraction may be missing; it has nine
 * digits at most, of which the seventh and later ones are dropped. `leniency` is 0, or what to take
 * beyond the RFC. False, and *ret_unix_us is left as it was, for any other text; leap seconds are
 * refused too. */
bool time_parse_rfc3339(struct str text, unsigned leniency, int64_t *ret_unix_us);

/* Reads "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 7231, section 7.1.1.1, IMF-fixdate) into microseconds
 * of UTC since 1970. The name of the day need not be that of the date. False, and *ret_unix_us is
 * left as it was, for any other text. */
bool time_parse_http_date(struct str text, int64_t *ret_unix_us);
