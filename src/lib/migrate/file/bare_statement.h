/* bare_statement.h: the statements that Postgres refuses inside a transaction. Private to the room.
 */
#pragma once

#include "lib/base/str.h"

enum bare_kind {
  BARE_NONE,         /* runs inside a transaction */
  BARE_CREATE_INDEX, /* CREATE INDEX CONCURRENTLY */
  BARE_DROP_INDEX,   /* DROP INDEX CONCURRENTLY */
  BARE_CODE,         /* CALL, and a DO that may commit: only running it tells whether it does */
  BARE_OTHER,        /* VACUUM, REINDEX CONCURRENTLY, … */
};

struct bare_statement {
  enum bare_kind kind;
  bool concurrently;
  size_t concurrently_offset; /* of the word, in the statement's text */
  struct str index;           /* as written, with quotes and schema; empty when it has no name */
  struct str table;           /* of CREATE INDEX, as written */
};

/* What kind of statement `sql` is, by its grammar: the words of names and strings do not count. */
struct bare_statement bare_statement_parse(struct str sql);
