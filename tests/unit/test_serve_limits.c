/* test_serve_limits.c: what `cruddur serve` takes on, by its settings or by its machine. */
#include "commands/serve_limits.h"
#include "unit.h"

#include <uv.h>

static void the_settings_win(void **state) {
  struct config config = {.loops = 3, .max_connections = 10};
  struct cgroup_limits machine = {.cpu_thousandths = 250, .memory_bytes = 1};
  assert_int_equal(serve_limits_loops(&config, &machine), 3);
  assert_int_equal(serve_limits_connections(&config, &machine), 10);
}

static void a_quarter_of_a_processor_has_one_loop(void **state) {
  struct config config = {0};
  struct cgroup_limits machine = {.cpu_thousandths = 250};
  assert_int_equal(serve_limits_loops(&config, &machine), 1);
  machine.cpu_thousandths = 0;
  assert_int_equal(serve_limits_loops(&config, &machine), uv_available_parallelism());
}

static void connections_fit_the_memory(void **state) {
  static const struct {
    uint64_t megabytes;
    unsigned connections;
  } CASES[] = {{0, 4096}, {1, 64}, {64, 512}, {256, 2048}, {512, 4096}, {100000, 4096}};
  struct config config = {0};
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct cgroup_limits machine = {.memory_bytes = CASES[i].megabytes << 20};
    assert_int_equal(serve_limits_connections(&config, &machine), CASES[i].connections);
  }
}

static void limits_are_off_unless_set(void **state) {
  struct config config = {0};
  struct http_options http = {.tables = NULL};
  struct error error = {0};
  assert_true(serve_limits_read(&config, &http, &error));
  assert_null(http.writes_per_user);
  assert_null(http.writes_per_address);
  assert_int_equal(http.proxies.count, 0);
  config = (struct config){.write_limit_per_user = "1/second",
                           .write_limit_per_address = "2/hour",
                           .trusted_proxies = "::1,127.0.0.0/8"};
  assert_true(serve_limits_read(&config, &http, &error));
  assert_non_null(http.writes_per_user);
  assert_non_null(http.writes_per_address);
  assert_int_equal(http.proxies.count, 2);
  serve_limits_close(&http);
  assert_null(http.writes_per_user);
  assert_null(http.writes_per_address);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_settings_win),
      cmocka_unit_test(a_quarter_of_a_processor_has_one_loop),
      cmocka_unit_test(connections_fit_the_memory),
      cmocka_unit_test(limits_are_off_unless_set),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
