# Writes statements.h and statements.c from SQL files: run by embed_statements() at build time.
string(REPLACE "," ";" names "${NAMES}")
math(EXPR page_and_one "${PAGE_LIMIT} + 1")
set(members "")
set(rows "")
set(parameters_most 0)

# Sets `ret_count` to the number of parameters of a statement: $1 to $n, each of them used.
function(count_parameters name sql ret_count)
  string(REGEX REPLACE "--[^\n]*" "" code "${sql}")
  string(REGEX MATCHALL "\\$[0-9]+" used "${code}")
  list(REMOVE_DUPLICATES used)
  list(LENGTH used count)
  foreach(parameter IN LISTS used)
    string(SUBSTRING "${parameter}" 1 -1 number)
    if(number LESS 1 OR number GREATER count)
      message(FATAL_ERROR "db/sql/${name}.sql uses ${parameter}, but not every parameter before it")
    endif()
  endforeach()
  set(${ret_count} ${count} PARENT_SCOPE)
endfunction()

# A list asks for one row more than its page has, to know whether there are more. Where the number has
# to stand in the SQL, "-- page + 1" follows it.
function(check_page_limits name sql)
  string(REGEX MATCHALL "[^\n]*-- page \\+ 1" lines "${sql}")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "LIMIT ${page_and_one}\\)? -- page \\+ 1")
      message(FATAL_ERROR "db/sql/${name}.sql: a page has ${PAGE_LIMIT} rows, so LIMIT must be ${page_and_one}: ${line}")
    endif()
  endforeach()
endfunction()

foreach(name IN LISTS names)
  string(TOUPPER "PG_${name}" member)
  string(REPLACE "/" "_" member "${member}")
  file(READ ${FOLDER}/${name}.sql sql)
  count_parameters(${name} "${sql}" parameters)
  check_page_limits(${name} "${sql}")
  if(parameters GREATER parameters_most)
    set(parameters_most ${parameters})
  endif()
  if("${sql}" MATCHES "-- plan: custom")
    set(custom true)
  else()
    set(custom false)
  endif()
  if("${sql}" MATCHES "-- lane: (read|write|heavy)")
    string(TOUPPER "PG_LANE_${CMAKE_MATCH_1}" lane)
  else()
    message(FATAL_ERROR "db/sql/${name}.sql does not say '-- lane: read', 'write' or 'heavy'")
  endif()
  # The comments above the statement stay here: what is sent need not carry them.
  string(REGEX REPLACE "^(--[^\n]*\n)+" "" sql "${sql}")
  string(REPLACE "\\" "\\\\" sql "${sql}")
  string(REPLACE "\"" "\\\"" sql "${sql}")
  string(REPLACE "\n" "\\n\"\n     \"" sql "${sql}")
  string(APPEND members "  ${member}, /* db/sql/${name}.sql */\n")
  string(APPEND rows "    [${member}] = {\"${name}\", ${custom}, ${lane}, ${parameters},\n     \"${sql}\"},\n")
endforeach()
file(WRITE ${OUTPUT}/statements.h
"/* statements.h: the statements of db/sql. Generated: edit the SQL files. */
#pragma once

#include <stdbool.h>

enum pg_statement {
${members}  PG_STATEMENTS
};

/* Which lane of the pool runs a statement: \"-- lane: …\" in its file. A lane has its own connections
 * and its own queue. The later a lane stands here, the stricter it is. */
enum pg_lane {
  PG_LANE_READ,  /* pipelined reads */
  PG_LANE_HEAVY, /* one statement at a time: what may take long */
  PG_LANE_WRITE, /* group commit */
  PG_LANES
};

struct pg_statement_source {
  const char *name; /* resource/verb */
  bool custom_plan; /* \"-- plan: custom\": planned for each set of parameters, never prepared */
  enum pg_lane lane;
  int parameters; /* $1 to $n */
  const char *sql;
};

enum {
  PG_STATEMENT_PARAMETERS = ${parameters_most}, /* of the statement that has the most */
  PG_PAGE_LIMIT = ${PAGE_LIMIT}, /* rows of a page; a list asks for one more */
};

extern const struct pg_statement_source pg_statement_sources[PG_STATEMENTS];
")
file(WRITE ${OUTPUT}/statements.c
"/* statements.c: the statements of db/sql. Generated: edit the SQL files. */
#include \"lib/pg/statements.h\"

const struct pg_statement_source pg_statement_sources[PG_STATEMENTS] = {
${rows}};
")
