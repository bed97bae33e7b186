/* connection_url.c: checks CONNECTION_URL, and says what is wrong without a piece of the password.
 *
 * A password with a reserved character in it moves everything behind that character: with a '/',
 * the password's first half is the port; with an '@', its second half belongs to the host. libpq
 * reads such URLs, and fails later with a sentence that misleads. */
#include "lib/pg/connection_url.h"

#include "lib/base/buffer.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

#include <libpq-fe.h>
#include <stdint.h>
#include <string.h>

static bool is_url(const char *url) {
  return str_starts_with(str_from(url), STR("postgresql://")) ||
         str_starts_with(str_from(url), STR("postgres://"));
}

/* True when `piece` of `url` is surely none of the password: in a URL it stands behind the last
 * '@', among keywords before the password. */
static bool may_be_shown(const char *url, struct str piece) {
  const char *after = is_url(url) ? strrchr(url, '@') : url;
  const char *secret = strstr(after ? after : url, "password");
  const char *found = after ? memmem(after, strlen(after), piece.data, piece.length) : NULL;
  bool is_word =
      piece.length > 1 &&
      strspn(piece.data, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") >= piece.length;
  return is_word && found && (!secret || found + piece.length <= secret);
}

/* libpq's reason, with what it quotes left out where that may be secret. */
static void append_reason(struct buffer *text, const char *url, const char *reason) {
  bool inside = false;
  for (const char *at = reason; *at && *at != '\n'; inside = !inside) {
    size_t length = strcspn(at, "\"\n");
    struct str piece = {at, length};
    bool shown = !inside || length == 1 || may_be_shown(url, piece);
    buffer_append_str(text, shown ? piece : STR("…"));
    at += length;
    if (*at == '"') buffer_append_char(text, *at++);
  }
}

static const char *value_of(const PQconninfoOption *options, const char *keyword) {
  for (; options->keyword; options++)
    if (strcmp(options->keyword, keyword) == 0) return options->val ? options->val : "";
  return "";
}

/* libpq checks ports only when it connects, and then each try would fail. */
static bool ports_are_numbers(const PQconninfoOption *options) {
  struct str rest = str_from(value_of(options, "port")), port;
  uint64_t number;
  while (str_next(&rest, ',', &port))
    if (port.length > 0 && !str_to_u64(port, 1, UINT16_MAX, &number)) return false;
  return true;
}

/* What a '/' or an '@' in the password leaves where none can be. NULL: nothing. */
static const char *find_misplaced(const PQconninfoOption *options) {
  if (!ports_are_numbers(options)) return "its port is no number";
  if (strchr(value_of(options, "host"), '@')) return "its host has an @";
  if (strchr(value_of(options, "dbname"), '@')) return "its database has an @";
  return NULL;
}

static bool refuse(const char *url, const char *reason, struct error *error) {
  if (!is_url(url))
    return error_set(error, ERROR_INVALID,
                     "CONNECTION_URL is neither a Postgres URL nor libpq keywords (%s), for "
                     "example CONNECTION_URL=postgresql://user:password@host:5432/cruddur",
                     reason);
  return error_set(error, ERROR_INVALID,
                   "CONNECTION_URL cannot be read: %s; in a password write %%40 for @, %%2F for /, "
                   "%%23 for #, %%3A for : and %%25 for %%, for example "
                   "CONNECTION_URL=postgresql://user:p%%40ss@host:5432/cruddur",
                   reason);
}

bool connection_url_check(const char *url, struct error *error) {
  _cleanup_(buffer_free) struct buffer reason = BUFFER_EMPTY;
  char *message = NULL;
  PQconninfoOption *options = PQconninfoParse(url, &message);
  const char *misplaced = options ? find_misplaced(options) : NULL;
  if (!options)
    append_reason(&reason, url, message ? message : "out of memory");
  else if (misplaced)
    buffer_append_text(&reason, misplaced);
  PQconninfoFree(options);
  PQfreemem(message);
  return reason.length == 0 || refuse(url, buffer_text(&reason), error);
}
