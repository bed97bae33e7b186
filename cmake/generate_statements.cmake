# Writes statements.h and statements.c from SQL files: run by embed_statements() at build time.
string(REPLACE "," ";" names "${NAMES}")
set(members "")
set(rows "")
foreach(name IN LISTS names)
  string(TOUPPER "PG_${name}" member)
  string(REPLACE "/" "_" member "${member}")
  file(READ ${FOLDER}/${name}.sql sql)
  string(REPLACE "\\" "\\\\" sql "${sql}")
  string(REPLACE "\"" "\\\"" sql "${sql}")
  string(REPLACE "\n" "\\n\"\n     \"" sql "${sql}")
  if("${sql}" MATCHES "-- plan: custom")
    set(custom true)
  else()
    set(custom false)
  endif()
  if("${sql}" MATCHES "-- pool: (read|write|heavy)")
    string(TOUPPER "PG_POOL_${CMAKE_MATCH_1}" pool)
  else()
    message(FATAL_ERROR "db/sql/${name}.sql does not say '-- pool: read', 'write' or 'heavy'")
  endif()
  string(APPEND members "  ${member}, /* db/sql/${name}.sql */\n")
  string(APPEND rows "    [${member}] = {\"${name}\", ${custom}, ${pool},\n     \"${sql}\"},\n")
endforeach()
file(WRITE ${OUTPUT}/statements.h
"/* statements.h: the statements of db/sql. Generated: edit the SQL files. */
#pragma once

#include <stdbool.h>

enum pg_statement {
${members}  PG_STATEMENTS
};

/* Which of the pools of a loop runs a statement: \"-- pool: …\" in its file. The later a pool stands
 * here, the stricter it is. */
enum pg_pool_kind {
  PG_POOL_READ,  /* pipelined reads */
  PG_POOL_HEAVY, /* one statement at a time: what may take long */
  PG_POOL_WRITE, /* group commit */
  PG_POOL_KINDS
};

struct pg_statement_source {
  const char *name; /* resource/verb */
  bool custom_plan; /* \"-- plan: custom\": planned anew with each set of parameters, never prepared */
  enum pg_pool_kind pool;
  const char *sql;
};

extern const struct pg_statement_source pg_statement_sources[PG_STATEMENTS];
")
file(WRITE ${OUTPUT}/statements.c
"/* statements.c: the statements of db/sql. Generated: edit the SQL files. */
#include \"lib/pg/statements.h\"

const struct pg_statement_source pg_statement_sources[PG_STATEMENTS] = {
${rows}};
")
