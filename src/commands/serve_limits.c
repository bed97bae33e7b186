/* serve_limits.c: how many loops and connections the machine has room for, and limits on requests.
 */
#include "commands/serve_limits.h"

#include <uv.h>

enum { CONNECTIONS_MOST = 4096, CONNECTIONS_LEAST = 64 };

/* A connection's request line, headers, and largest body, with what they are parsed into. */
static const uint64_t CONNECTION_BYTES = 128 * 1024;

unsigned serve_limits_loops(const struct config *config, const struct cgroup_limits *machine) {
  return config->loops ? config->loops
                       : cgroup_usable_processors(machine, uv_available_parallelism());
}

unsigned serve_limits_connections(const struct config *config,
                                  const struct cgroup_limits *machine) {
  if (config->max_connections) return config->max_connections;
  _Static_assert(CONNECTIONS_LEAST <= CONNECTIONS_MOST, "the bounds leave room");
  uint64_t fitting = machine->memory_bytes / CONNECTION_BYTES;
  if (machine->memory_bytes == 0 || fitting > CONNECTIONS_MOST) return CONNECTIONS_MOST;
  return fitting > CONNECTIONS_LEAST ? (unsigned)fitting : CONNECTIONS_LEAST;
}

static bool make_limiter(const char *name, const char *text, const char *example,
                         struct rate_limiter **limiter, struct error *error) {
  struct rate rate;
  if (!text) return true;
  if (!rate_parse(str_from(text), &rate))
    return error_set(error, ERROR_INVALID,
                     "%s must be a count from 1 to %d per second, minute or hour, for example "
                     "%s=%s",
                     name, RATE_COUNT_HIGHEST, name, example);
  *limiter = rate_limiter_new(rate);
  return *limiter || error_set(error, ERROR_MEMORY, "out of memory for %s", name);
}

static bool read_proxies(const char *list, struct proxies *proxies, struct error *error) {
  struct error reason;
  if (!list || proxies_parse(str_from(list), proxies, &reason)) return true;
  return error_set(error, ERROR_INVALID,
                   "CRUDDUR_TRUSTED_PROXIES %s, for example "
                   "CRUDDUR_TRUSTED_PROXIES=10.0.0.0/16,fd00::/8",
                   reason.message);
}

bool serve_limits_read(const struct config *config, struct http_options *http,
                       struct error *error) {
  struct error problems[4] = {0};
  bool good[] = {
      read_proxies(config->trusted_proxies, &http->proxies, &problems[0]),
      make_limiter("CRUDDUR_WRITE_LIMIT_PER_USER", config->write_limit_per_user, "60/minute",
                   &http->writes_per_user, &problems[1]),
      make_limiter("CRUDDUR_WRITE_LIMIT_PER_ADDRESS", config->write_limit_per_address, "300/minute",
                   &http->writes_per_address, &problems[2]),
      make_limiter("CRUDDUR_READ_LIMIT_PER_ADDRESS", config->read_limit_per_address, "3000/minute",
                   &http->reads_per_address, &problems[3]),
  };
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
    if (!good[i]) error_add(error, &problems[i]);
  return good[0] && good[1] && good[2] && good[3];
}

void serve_limits_close(struct http_options *http) {
  http->writes_per_user = rate_limiter_free(http->writes_per_user);
  http->writes_per_address = rate_limiter_free(http->writes_per_address);
  http->reads_per_address = rate_limiter_free(http->reads_per_address);
}
