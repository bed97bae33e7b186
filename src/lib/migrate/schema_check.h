/* schema_check.h: whether the server may serve from the database that it finds: asked in a worker
 * thread when the server starts, and again until the database can be reached. */
#pragma once

#include "lib/loop/loop.h"

struct schema_check;

struct schema_check_options {
  const char *connection_url;
  bool migrate; /* apply what is pending before saying yes */
  /* Called on the loop when the server must not serve: migrations are pending and are not to be
   * applied (PENDING), applying them failed, or the database is of no use (REFUSED). What and why
   * was logged. */
  void (*refused)(const struct error *reason, void *argument);
  /* Called on the loop when the check is over and the server may serve: it holds no connection any
   * more. */
  void (*opened)(void *argument);
  void *argument;
};

/* Makes the gate of the process and asks at once. NULL when memory is out. The memory goes with the
 * loop. */
struct schema_check *schema_check_new(struct loop *loop, const struct schema_check_options *options,
                                      struct error *error);

/* True once the database was found to be up to date; from any thread. */
bool schema_check_passed(const struct schema_check *gate);

/* Stops asking, and a migration under way after its statement. Takes NULL. */
void schema_check_close(struct schema_check *gate);
