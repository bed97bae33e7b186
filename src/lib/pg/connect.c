/* connect.c: opens a connection to Postgres, and makes the settings of its session.
 *
 * connect_blocking() runs in one of libuv's worker threads and touches nothing but what it is
 * given; the other functions run on the loop. */
#include "lib/pg/connect.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum { CONNINFO_PARAMETERS = 64 };

struct parameters {
  const char *keywords[CONNINFO_PARAMETERS];
  const char *values[CONNINFO_PARAMETERS];
  size_t count;
};

static void set_parameter(struct parameters *parameters, const char *keyword, const char *value) {
  assert(parameters->count + 1 < CONNINFO_PARAMETERS);
  parameters->keywords[parameters->count] = keyword;
  parameters->values[parameters->count++] = value;
  parameters->keywords[parameters->count] = NULL;
  parameters->values[parameters->count] = NULL;
}

static const char *find_parameter(const struct parameters *parameters, const char *keyword) {
  for (size_t i = 0; i < parameters->count; i++)
    if (strcmp(parameters->keywords[i], keyword) == 0) return parameters->values[i];
  return NULL;
}

static void set_default(struct parameters *parameters, const char *keyword, const char *value) {
  if (!find_parameter(parameters, keyword)) set_parameter(parameters, keyword, value);
}

static bool names_several_hosts(const struct parameters *parameters) {
  const char *hosts = find_parameter(parameters, "host");
  const char *addresses = find_parameter(parameters, "hostaddr");
  return (hosts && strchr(hosts, ',')) || (addresses && strchr(addresses, ','));
}

PGconn *connect_blocking(const char *connection_url) {
  PQconninfoOption *given = PQconninfoParse(connection_url, NULL);
  if (!given) return NULL; /* the URL was checked by pg_pool_new(): memory is out */
  struct parameters parameters = {.count = 0};
  for (PQconninfoOption *option = given; option->keyword; option++)
    if (option->val) set_parameter(&parameters, option->keyword, option->val);
  set_parameter(&parameters, "client_encoding", "UTF8");
  set_default(&parameters, "fallback_application_name", "cruddur");
  set_default(&parameters, "connect_timeout", "3");
  set_default(&parameters, "keepalives_idle", "30");
  set_default(&parameters, "keepalives_interval", "5");
  set_default(&parameters, "keepalives_count", "3");
  set_default(&parameters, "tcp_user_timeout", "5000");
  /* Of several hosts only one takes writes, and after a failover it is another one. */
  if (names_several_hosts(&parameters))
    set_default(&parameters, "target_session_attrs", "read-write");
  PGconn *conn = PQconnectdbParams(parameters.keywords, parameters.values, 0);
  PQconninfoFree(given);
  return conn;
}

bool connect_send_settings(PGconn *conn, const char *statement_timeout, const char *lock_timeout) {
  const char *const values[] = {statement_timeout, lock_timeout};
  return PQsendQueryParams(conn,
                           "SELECT set_config('statement_timeout', $1, false), "
                           "set_config('lock_timeout', $2, false), " CONNECT_SETTINGS("false"),
                           2, NULL, values, NULL, NULL, 1);
}

const char *connect_encoding(const PGconn *conn) {
  return PQparameterStatus(conn, "server_encoding");
}

bool connect_is_utf8(const PGconn *conn) {
  const char *encoding = connect_encoding(conn);
  return !encoding || strcmp(encoding, "UTF8") == 0;
}

static bool is_on(const PGconn *conn, const char *parameter) {
  const char *value = PQparameterStatus(conn, parameter); /* NULL: a server before version 14 */
  return value && strcmp(value, "on") == 0;
}

bool connect_is_read_only(const PGconn *conn) {
  return is_on(conn, "in_hot_standby") || is_on(conn, "default_transaction_read_only");
}
