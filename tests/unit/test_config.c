/* test_config.c: settings from the environment: defaults, aliases, every kind of bad value. */
#include "unit.h"

#include "lib/base/config.h"

#include <stdlib.h>

static const unsigned EVERYTHING = ~0U; /* all scopes */

static void clear_settings(void) {
  size_t count;
  const struct config_setting *settings = config_settings(&count);
  for (size_t i = 0; i < count; i++) {
    unsetenv(settings[i].name);
    if (settings[i].alias) unsetenv(settings[i].alias);
  }
}

/* An environment in which the server would start, and nothing beyond that. */
static int set_up(void **state) {
  clear_settings();
  setenv("CONNECTION_URL", "postgresql://app:hunter2@db/cruddur", 1);
  setenv("FRONTEND_URL", "https://cloudnoww.com", 1);
  setenv("BACKEND_URL", "https://api.cloudnoww.com", 1);
  setenv("AWS_COGNITO_USER_POOL_CLIENT_ID", "client", 1);
  return 0;
}

static void assert_refused(const char *beginning) {
  struct config config = {.port = 1};
  struct error error = {0};
  assert_false(config_load(&config, EVERYTHING, &error));
  assert_int_equal(error.kind, ERROR_INVALID);
  assert_true(str_starts_with(str_from(error.message), str_from(beginning)));
  assert_non_null(strstr(error.message, ", for example "));
  assert_null(strchr(error.message, '\n'));
  assert_int_equal(config.port, 1); /* untouched on failure */
}

static void defaults_are_those_of_the_table(void **state) {
  struct config config;
  struct error error = {0};
  assert_true(config_load(&config, EVERYTHING, &error));
  assert_int_equal(config.port, 4567);
  assert_string_equal(config.connection_url, "postgresql://app:hunter2@db/cruddur");
  assert_string_equal(config.environment, "production");
  assert_string_equal(config.log_level, "info");
  assert_true(config.pg_prepare);
  assert_null(config.aws_region);
  assert_null(config.rollbar_access_token);
}

static void every_default_and_example_is_valid(void **state) {
  size_t count;
  const struct config_setting *settings = config_settings(&count);
  for (size_t i = 0; i < count; i++) {
    set_up(NULL);
    setenv(settings[i].name, settings[i].example, 1);
    struct config config;
    struct error error = {0};
    if (!config_load(&config, EVERYTHING, &error)) fail_msg("%s", error.message);
    assert_false(settings[i].required && settings[i].initial);
    assert_true(strlen(settings[i].meaning) > 0);
  }
}

static void names_and_places_are_unique(void **state) {
  size_t count;
  const struct config_setting *settings = config_settings(&count);
  for (size_t i = 0; i < count; i++) {
    for (size_t k = 0; k < i; k++) {
      assert_string_not_equal(settings[i].name, settings[k].name);
      assert_int_not_equal(settings[i].offset, settings[k].offset);
    }
  }
}

static void a_missing_setting_is_named(void **state) {
  unsetenv("FRONTEND_URL");
  assert_refused("FRONTEND_URL is not set (");
}

static void an_empty_setting_counts_as_unset(void **state) {
  setenv("CONNECTION_URL", "", 1);
  assert_refused("CONNECTION_URL is not set (");
  set_up(NULL);
  setenv("PORT", "", 1);
  struct config config;
  assert_true(config_load(&config, EVERYTHING, NULL));
  assert_int_equal(config.port, 4567);
}

static void numbers_are_checked(void **state) {
  static const char *const BAD[] = {"x",    "80x", "-1",  "+80",   "8 0",
                                    "0x50", "8.0", "1e3", "65536", "99999999999999999999"};
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    setenv("PORT", BAD[i], 1);
    assert_refused("PORT must be a number from 0 to 65535 (");
  }
  unsetenv("PORT");
  setenv("CRUDDUR_PG_PIPELINE_DEPTH", "0", 1);
  assert_refused("CRUDDUR_PG_PIPELINE_DEPTH must be a number from 1 to 256 (");
}

static void numbers_reach_both_bounds(void **state) {
  struct config config;
  setenv("PORT", "0", 1);
  assert_true(config_load(&config, EVERYTHING, NULL));
  assert_int_equal(config.port, 0);
  setenv("PORT", "65535", 1);
  assert_true(config_load(&config, EVERYTHING, NULL));
  assert_int_equal(config.port, 65535);
}

static void switches_know_a_few_words(void **state) {
  static const char *const ON[] = {"on", "ON", "true", "yes", "1"};
  static const char *const OFF[] = {"off", "Off", "false", "no", "0"};
  struct config config;
  for (size_t i = 0; i < sizeof(ON) / sizeof(ON[0]); i++) {
    setenv("CRUDDUR_PG_PREPARE", ON[i], 1);
    assert_true(config_load(&config, EVERYTHING, NULL));
    assert_true(config.pg_prepare);
    setenv("CRUDDUR_PG_PREPARE", OFF[i], 1);
    assert_true(config_load(&config, EVERYTHING, NULL));
    assert_false(config.pg_prepare);
  }
  setenv("CRUDDUR_PG_PREPARE", "maybe", 1);
  assert_refused("CRUDDUR_PG_PREPARE must be on or off (");
}

static void ratios_are_decimal_numbers(void **state) {
  static const char *const BAD[] = {"x", "-0.1", "1.01", "nan", "inf", "0x1", "1 0", "0.1x", "."};
  struct config config;
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    setenv("OTEL_TRACES_SAMPLER_ARG", BAD[i], 1);
    assert_refused("OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1 (");
  }
  setenv("OTEL_TRACES_SAMPLER_ARG", "0.25", 1);
  assert_true(config_load(&config, EVERYTHING, NULL));
  assert_true(config.trace_ratio == 0.25);
  setenv("OTEL_TRACES_SAMPLER_ARG", "1e-3", 1);
  assert_true(config_load(&config, EVERYTHING, NULL));
  assert_true(config.trace_ratio == 0.001);
}

static void a_choice_is_one_of_its_words(void **state) {
  struct config config;
  setenv("LOG_LEVEL", "Warning", 1);
  assert_true(config_load(&config, EVERYTHING, NULL));
  assert_string_equal(config.log_level, "warning");
  setenv("LOG_LEVEL", "loud", 1);
  assert_refused("LOG_LEVEL must be debug, info, warning or error (");
}

static void the_log_takes_each_word_that_the_setting_takes(void **state) {
  size_t count;
  const struct config_setting *settings = config_settings(&count);
  for (size_t i = 0; i < count; i++) {
    if (strcmp(settings[i].name, "LOG_LEVEL") != 0) continue;
    enum log_level level;
    for (const char *const *word = settings[i].words; *word; word++)
      assert_true(log_level_parse(str_from(*word), &level));
  }
}

static void a_url_begins_with_a_scheme(void **state) {
  static const char *const BAD[] = {"api.honeycomb.io", "https://",    "ftp://x",
                                    "https:/x",         "https://a b", "https://a\nb"};
  struct config config;
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", BAD[i], 1);
    assert_refused(
        "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL that begins with https:// or http:// (");
  }
  setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "HTTP://127.0.0.1:4318", 1);
  setenv("AWS_COGNITO_JWKS_URL", "file:/srv/jwks.json", 1);
  assert_true(config_load(&config, EVERYTHING, NULL));
  assert_string_equal(config.otlp_endpoint, "HTTP://127.0.0.1:4318");
  setenv("AWS_COGNITO_JWKS_URL", "/srv/jwks.json", 1);
  assert_refused(
      "AWS_COGNITO_JWKS_URL must be a URL that begins with https://, http:// or file: (");
}

static void origins_have_no_path(void **state) {
  static const char *const GOOD[] = {"*", "https://a", "http://a:3000", "https://a/",
                                     "https://a, http://b:1,*"};
  static const char *const BAD[] = {"a",           "https://",    "https:///",
                                    "https://a/b", "https://a//", "ftp://a"};
  struct config config;
  for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
    setenv("BACKEND_URL", GOOD[i], 1);
    assert_true(config_load(&config, EVERYTHING, NULL));
    assert_string_equal(config.backend_url, GOOD[i]);
  }
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    setenv("BACKEND_URL", BAD[i], 1);
    assert_refused("BACKEND_URL must be origins ");
  }
  setenv("BACKEND_URL", "https://a,nonsense", 1);
  assert_refused(
      "BACKEND_URL must be origins such as https://cloudnoww.com, comma-separated, or *, "
      "not 'nonsense': it begins with neither https:// nor http:// (");
}

static void the_alias_is_read_when_the_name_is_unset(void **state) {
  struct config config;
  setenv("AWS_REGION", "eu-west-1", 1);
  assert_true(config_load(&config, EVERYTHING, NULL));
  assert_string_equal(config.aws_region, "eu-west-1");
  setenv("AWS_DEFAULT_REGION", "ca-central-1", 1);
  assert_true(config_load(&config, EVERYTHING, NULL));
  assert_string_equal(config.aws_region, "ca-central-1");
}

static void a_command_needs_only_its_own_settings(void **state) {
  clear_settings();
  setenv("CONNECTION_URL", "dbname=cruddur", 1);
  setenv("PORT", "nonsense", 1);
  struct config config;
  assert_true(config_load(&config, CONFIG_DATABASE, NULL));
  assert_string_equal(config.connection_url, "dbname=cruddur");
}

static void no_message_holds_a_secret(void **state) {
  size_t count;
  const struct config_setting *settings = config_settings(&count);
  for (size_t i = 0; i < count; i++) {
    set_up(NULL);
    setenv("CONNECTION_URL", "S3CRET", 1);
    setenv("ROLLBAR_ACCESS_TOKEN", "S3CRET", 1);
    if (config_is_secret(&settings[i])) continue;
    setenv(settings[i].name, "", 1);
    if (settings[i].type == CONFIG_NUMBER || settings[i].type == CONFIG_SWITCH)
      setenv(settings[i].name, "bad", 1);
    struct config config;
    struct error error = {0};
    config_load(&config, EVERYTHING, &error);
    assert_null(strstr(error.message, "S3CRET"));
  }
}

static void quotes_and_blanks_around_a_value_are_named(void **state) {
  setenv("PORT", " 80", 1);
  assert_refused("PORT begins or ends with a blank or a newline (");
  setenv("PORT", "80\n", 1);
  assert_refused("PORT begins or ends with a blank or a newline (");
  setenv("PORT", "'80'", 1);
  assert_refused("PORT has quotes around its value");
  setenv("PORT", "\"80\"", 1);
  assert_refused("PORT has quotes around its value");
}

static void every_problem_is_told(void **state) {
  struct config config;
  struct error error = {0};
  unsetenv("BACKEND_URL");
  setenv("PORT", "x", 1);
  setenv("AWS_REGION", "eu.west", 1);
  setenv("OTEL_EXPORTER_OTLP_HEADERS", "S3CRET", 1);
  setenv("CRUDDUR_LOOP", "2", 1);
  assert_false(config_load(&config, EVERYTHING, &error));
  unsetenv("CRUDDUR_LOOP");
  static const char *const LINES[] = {"PORT must be", "BACKEND_URL is not set",
                                      "AWS_DEFAULT_REGION must be",
                                      "OTEL_EXPORTER_OTLP_HEADERS must",
                                      "CRUDDUR_LOOP is no setting; did you mean CRUDDUR_LOOPS ("};
  struct str rest = str_from(error.message), line;
  for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
    assert_true(str_next(&rest, '\n', &line));
    assert_true(str_starts_with(line, str_from(LINES[i])));
  }
  assert_false(str_next(&rest, '\n', &line));
}

static void a_setting_tells_its_value(void **state) {
  size_t count;
  const struct config_setting *settings = config_settings(&count);
  for (size_t i = 0; i < count; i++) {
    const char *value = config_setting_value(&settings[i]);
    if (strcmp(settings[i].name, "PORT") == 0) assert_string_equal(value, "4567");
    if (strcmp(settings[i].name, "FRONTEND_URL") == 0)
      assert_string_equal(value, "https://cloudnoww.com");
    if (strcmp(settings[i].name, "AWS_COGNITO_ISSUER") == 0) assert_null(value);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(defaults_are_those_of_the_table, set_up),
      cmocka_unit_test_setup(every_default_and_example_is_valid, set_up),
      cmocka_unit_test_setup(names_and_places_are_unique, set_up),
      cmocka_unit_test_setup(a_missing_setting_is_named, set_up),
      cmocka_unit_test_setup(an_empty_setting_counts_as_unset, set_up),
      cmocka_unit_test_setup(numbers_are_checked, set_up),
      cmocka_unit_test_setup(numbers_reach_both_bounds, set_up),
      cmocka_unit_test_setup(switches_know_a_few_words, set_up),
      cmocka_unit_test_setup(ratios_are_decimal_numbers, set_up),
      cmocka_unit_test_setup(a_choice_is_one_of_its_words, set_up),
      cmocka_unit_test(the_log_takes_each_word_that_the_setting_takes),
      cmocka_unit_test_setup(a_url_begins_with_a_scheme, set_up),
      cmocka_unit_test_setup(origins_have_no_path, set_up),
      cmocka_unit_test_setup(the_alias_is_read_when_the_name_is_unset, set_up),
      cmocka_unit_test_setup(a_command_needs_only_its_own_settings, set_up),
      cmocka_unit_test_setup(no_message_holds_a_secret, set_up),
      cmocka_unit_test_setup(quotes_and_blanks_around_a_value_are_named, set_up),
      cmocka_unit_test_setup(every_problem_is_told, set_up),
      cmocka_unit_test_setup(a_setting_tells_its_value, set_up),
  };
  return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
