/* serve_settings.h: what `cruddur serve` makes of its settings. `cruddur config --check` reads them
 * too, to say what is wrong. */
#pragma once

#include "commands/worker.h"

enum { SERVE_LOOPS_LIMIT = 64 };

struct serve_settings {
  struct config config;
  struct buffer issuer, jwks_url, origins; /* what the options below borrow */
  struct auth_options auth;
  struct worker_options options;
  unsigned wanted_loops, loops; /* fewer where the Postgres connections do not suffice */
  unsigned connections;         /* to Postgres, of each loop */
};

/* Reads the environment into `settings`, which the caller has zeroed, and checks all of it. Every
 * problem is told; then false is returned. The settings must be freed either way. */
bool serve_settings_read(struct serve_settings *settings, config_tell *tell, void *argument);

void serve_settings_free(struct serve_settings *settings);
