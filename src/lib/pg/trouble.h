/* trouble.h: why a lane has no connection that works. */
#pragma once

enum pg_trouble {
  PG_TROUBLE_NONE,
  PG_TROUBLE_DOWN,    /* not reached, or of no use whatever is prepared */
  PG_TROUBLE_SCHEMA,  /* a table, column or function that a statement needs is not there */
  PG_TROUBLE_RIGHT,   /* the role may not use what a statement needs */
  PG_TROUBLE_LOCK,    /* preparing waited too long for a lock that somebody holds */
  PG_TROUBLE_REFUSED, /* Postgres refuses a statement, or a setting, for another reason */
};
