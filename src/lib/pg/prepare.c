/* prepare.c: what a connection prepares when it opens, and what it says when that fails.
 *
 * The results come in the order of sending: of the settings first, then one a statement. So the
 * number of a result tells its statement. Only what is complained of is remembered here, for all
 * loops: many connections meet the same fault at once, and it is logged once. */
#include "lib/pg/prepare.h"

#include "lib/pg/connect.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { SETTINGS = PG_STATEMENTS /* stands for the settings where a statement is asked for */ };

static atomic_bool said[PG_STATEMENTS + 1];

/* A connection for reads needs no statement of another lane. A heavy one runs writes too: those
 * that wait for a lock. */
static bool is_prepared(enum pg_lane lane, const struct pg_statement_source *source) {
  return !source->custom_plan && (lane != PG_LANE_READ || source->lane == PG_LANE_READ);
}

bool prepare_send(PGconn *conn, enum pg_lane lane, const char *statement_timeout,
                  const char *lock_timeout) {
  if (!connect_send_settings(conn, statement_timeout, lock_timeout)) return false;
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

enum pg_trouble prepare_explain(enum pg_lane lane, unsigned number, const PGresult *result,
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

bool prepare_is_news(enum pg_lane lane, unsigned number) {
  return !atomic_exchange(&said[statement_of(lane, number)], true);
}

void prepare_succeeded(enum pg_lane lane) {
  atomic_store(&said[SETTINGS], false);
  for (int i = 0; i < PG_STATEMENTS; i++)
    if (is_prepared(lane, &pg_statement_sources[i])) atomic_store(&said[i], false);
}
