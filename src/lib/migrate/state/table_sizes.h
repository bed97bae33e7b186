/* table_sizes.h: how large the tables of a database are: asked of it, or read from a file that was
 * written where it could be asked. Private to the room. */
#pragma once

#include "lib/pg/pg_session.h"

struct table_size {
  char *name; /* "likes", "other.likes"; of the schema public without it, quoted where needed */
  uint64_t bytes, rows; /* of the table alone; the rows as Postgres estimates them */
};

struct table_sizes {
  struct table_size *tables;
  size_t count;
};

/* Asks the database about one table, as it is written in SQL; one that is not there has no bytes.
 * False when that cannot be found out. No name is set. */
bool table_sizes_ask(struct pg_session *session, struct str table, struct table_size *ret_size);

/* Asks the database about all of them. */
bool table_sizes_read(struct pg_session *session, struct table_sizes *ret_sizes,
                      struct error *error);

/* Reads or writes a file: INVALID when it cannot be opened or says something else. */
bool table_sizes_load(const char *path, struct table_sizes *ret_sizes, struct error *error);
bool table_sizes_save(const struct table_sizes *sizes, const char *path, struct error *error);

void table_sizes_free(struct table_sizes *sizes);

/* The table of that name, as it is written in SQL, with its schema or without; NULL: none. */
const struct table_size *table_sizes_find(const struct table_sizes *sizes, struct str table);
