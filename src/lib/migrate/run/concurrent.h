/* concurrent.h: the statements that Postgres refuses inside a transaction, and how to find out
 * afterwards whether one of them was done. Private to the room. */
#pragma once

#include "lib/base/str.h"
#include "lib/migrate/run/runner.h"

enum bare_kind {
  BARE_NONE,         /* runs inside a transaction */
  BARE_CREATE_INDEX, /* CREATE INDEX CONCURRENTLY */
  BARE_DROP_INDEX,   /* DROP INDEX CONCURRENTLY */
  BARE_OTHER,        /* VACUUM, CALL, REINDEX CONCURRENTLY, … */
};

struct bare_statement {
  enum bare_kind kind;
  bool concurrently;
  size_t concurrently_offset; /* of the word, in the statement's text */
  struct str index;           /* as written, with quotes and schema; empty when it has no name */
  struct str table;           /* of CREATE INDEX, as written */
};

/* What kind of statement `sql` is, by its words. */
struct bare_statement bare_statement_parse(struct str sql);

enum index_state { INDEX_ABSENT, INDEX_VALID, INDEX_INVALID };

/* Looks for the index of a BARE_CREATE_INDEX (in its table's schema) or BARE_DROP_INDEX. The
 * qualified name goes to `ret_name`, the caller's to free, when it is there. */
bool concurrent_index_state(struct pg_session *session, const struct bare_statement *statement,
                            enum index_state *ret_state, char **ret_name, struct error *error);
