/* connect.c: opens a connection to Postgres, makes the settings of its session and prepares its
 * statements.
 *
 * connect_blocking() runs in one of libuv's worker threads and touches nothing but what it is
 * given; the other functions run on the loop. The results of what connect_send_prepares() queues
 * come in the order of sending: of the settings first, then one a statement, so that the number of
 * a result tells its statement. What was complained of is remembered for all loops: many
 * connections meet the same fault at once, and it is logged once. */
#include "lib/pg/connect.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
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

static bool send_settings(PGconn *conn, const char *statement_timeout, const char *lock_timeout) {
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

/* --- What is prepared, and what is said when that fails --- */

enum { SETTINGS = PG_STATEMENTS /* stands for the settings where a statement is asked for */ };

static atomic_bool said[PG_STATEMENTS + 1];

/* A connection for reads needs no statement of another lane. A heavy one runs writes too: those
 * that wait for a lock. */
static bool is_prepared(enum pg_lane lane, const struct pg_statement_source *source) {
  return !source->custom_plan && (lane != PG_LANE_READ || source->lane == PG_LANE_READ);
}

bool connect_send_prepares(PGconn *conn, enum pg_lane lane, const char *statement_timeout,
                           const char *lock_timeout) {
  if (!send_settings(conn, statement_timeout, lock_timeout)) return false;
  for (int i = 0; i < PG_STATEMENTS; i++) {
    const struct pg_statement_source *source = &pg_statement_sources[i];
    if (is_prepared(lane, source) && !PQsendPrepare(conn, source->name, source->sql, 0, NULL))
      return false;
  }
  return PQpipelineSync(conn);
}

static int statement_of(enum pg_lane lane, unsigned number) {
  for (int i = 0; number > 0 && i < PG_STATEMENTS; i++)
    if (is_prepared(lane, &pg_statement_sources[i]) && --number == 0) return i;
  return SETTINGS;
}

/* What a SQLSTATE says about a statement that is only parsed and analysed. */
static enum pg_trouble trouble_of(const char *sqlstate) {
  static const struct {
    const char *sqlstate; /* or the beginning of it */
    enum pg_trouble trouble;
  } KNOWN[] = {
      {"42P01", PG_TROUBLE_SCHEMA},                             /* no such table */
      {"42703", PG_TROUBLE_SCHEMA},                             /* column */
      {"42883", PG_TROUBLE_SCHEMA},                             /* function or operator */
      {"42704", PG_TROUBLE_SCHEMA},                             /* type */
      {"3F000", PG_TROUBLE_SCHEMA},                             /* schema */
      {"42501", PG_TROUBLE_RIGHT},  {"55P03", PG_TROUBLE_LOCK}, /* the time for a lock is over, */
      {"57014", PG_TROUBLE_LOCK}, /* or that for a statement: only a lock takes it so long */
      {"57P", PG_TROUBLE_DOWN},   /* the server ends the session */
      {"08", PG_TROUBLE_DOWN},
  };
  if (!sqlstate) return PG_TROUBLE_DOWN; /* made by libpq: the connection is gone */
  for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++)
    if (strncmp(sqlstate, KNOWN[i].sqlstate, strlen(KNOWN[i].sqlstate)) == 0)
      return KNOWN[i].trouble;
  return PG_TROUBLE_REFUSED;
}

enum pg_trouble connect_explain(enum pg_lane lane, unsigned number, const PGresult *result,
                                char *text, size_t size) {
  static const char *const WORDS[] = {
      [PG_TROUBLE_SCHEMA] = "cannot be prepared, run cruddur migrate",
      [PG_TROUBLE_RIGHT] = "cannot be prepared, the role lacks a right",
      [PG_TROUBLE_LOCK] = "cannot be prepared while somebody holds a lock on its tables",
      [PG_TROUBLE_REFUSED] = "cannot be prepared",
  };
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (!message) message = PQresultErrorMessage(result);
  enum pg_trouble trouble = trouble_of(sqlstate);
  int statement = statement_of(lane, number);
  if (trouble == PG_TROUBLE_DOWN)
    snprintf(text, size, "%s", message);
  else if (statement == SETTINGS)
    snprintf(text, size, "the settings of the session are refused: %s (SQLSTATE %s)", message,
             sqlstate);
  else
    snprintf(text, size, "statement %s %s: %s (SQLSTATE %s)", pg_statement_sources[statement].name,
             WORDS[trouble], message, sqlstate);
  return trouble;
}

bool connect_is_news(enum pg_lane lane, unsigned number) {
  return !atomic_exchange(&said[statement_of(lane, number)], true);
}

void connect_succeeded(enum pg_lane lane) {
  atomic_store(&said[SETTINGS], false);
  for (int i = 0; i < PG_STATEMENTS; i++)
    if (is_prepared(lane, &pg_statement_sources[i])) atomic_store(&said[i], false);
}
