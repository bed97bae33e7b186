/* sync_options.c: see sync_options.h. */
#include "commands/sync_options.h"

#include "lib/base/cleanup.h"
#include "lib/base/exit_codes.h"
#include "lib/sync/dotenv.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
  JOBS = 16,
  JOBS_LIMIT = 128,
  KEEP_RELEASES = 3,
  KEEP_RELEASES_LIMIT = 50,
  KEEP_DAYS_LIMIT = 3650,
  FILE_LIMIT = 1024 * 1024
};

static const char HELP[] =
    "Usage: cruddur sync [OPTION]…                     plan, show, ask, apply, invalidate\n"
    "       cruddur sync plan [OPTION]…                write the changeset and show it\n"
    "       cruddur sync apply CHANGESET [OPTION]…     apply a changeset that was kept\n"
    "       cruddur sync rollback [RELEASE] [OPTION]…  put an earlier release's pages back\n"
    "       cruddur sync releases [OPTION]…            list the releases\n"
    "\n"
    "Ships a build folder to an S3 bucket and invalidates what CloudFront has cached of it.\n"
    "docs/sync.md walks through it.\n"
    "\n"
    "Where:\n"
    "      --bucket NAME          the bucket (SYNC_S3_BUCKET)\n"
    "      --prefix PREFIX        keys begin with PREFIX/; nothing outside is touched\n"
    "      --distribution ID      the distribution (SYNC_CLOUDFRONT_DISTRIBUTION_ID)\n"
    "      --origin-path          the distribution's origin path is the prefix\n"
    "      --build-dir FOLDER     what to ship (SYNC_BUILD_DIR)\n"
    "      --changeset FILE       where the plan is written (SYNC_OUTPUT_CHANGESET_PATH)\n"
    "      --env FILE             settings by name (sync.env where there is one)\n"
    "      --config FILE          headers and more by file pattern (sync.conf where there is one)\n"
    "What:\n"
    "      --ignore PATTERN       neither upload nor delete these; may be given again\n"
    "      --keep-html            about.html stays about.html; else it becomes about\n"
    "      --keep-releases N      keep the assets of so many earlier releases (3)\n"
    "      --keep-days N          and those in use within so many days (0)\n"
    "      --max-delete N|N%      refuse to delete more (50%, and always up to 20)\n"
    "How:\n"
    "      --dry-run              show the plan, change nothing\n"
    "  -y, --yes                  do not ask (SYNC_AUTO_APPROVE)\n"
    "      --wait                 wait until the invalidation is complete\n"
    "      --jobs N               requests side by side (16)\n"
    "      --json                 one JSON object on stdout instead of text\n"
    "      --silent LIST          leave these out: create,update,headers,delete,keep,ignore,"
    "no_change\n"
    "  -h, --help                 show this\n"
    "\n"
    "Exit codes: 0 done or nothing to do, 1 failed before anything was written, 2 a wrong flag or\n"
    "setting, 3 changes are pending, 4 a guard refused, 5 AWS unavailable, 6 credentials,\n"
    "7 partly done: run it again.\n";

enum option_code {
  OPTION_BUCKET = 256,
  OPTION_PREFIX,
  OPTION_DISTRIBUTION,
  OPTION_ORIGIN_PATH,
  OPTION_BUILD_DIR,
  OPTION_CHANGESET,
  OPTION_ENV,
  OPTION_CONFIG,
  OPTION_IGNORE,
  OPTION_KEEP_HTML,
  OPTION_KEEP_RELEASES,
  OPTION_KEEP_DAYS,
  OPTION_MAX_DELETE,
  OPTION_DRY_RUN,
  OPTION_WAIT,
  OPTION_JOBS,
  OPTION_JSON,
  OPTION_SILENT,
};

static const struct option OPTIONS[] = {
    {"bucket", required_argument, NULL, OPTION_BUCKET},
    {"prefix", required_argument, NULL, OPTION_PREFIX},
    {"distribution", required_argument, NULL, OPTION_DISTRIBUTION},
    {"origin-path", no_argument, NULL, OPTION_ORIGIN_PATH},
    {"build-dir", required_argument, NULL, OPTION_BUILD_DIR},
    {"changeset", required_argument, NULL, OPTION_CHANGESET},
    {"env", required_argument, NULL, OPTION_ENV},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"ignore", required_argument, NULL, OPTION_IGNORE},
    {"keep-html", no_argument, NULL, OPTION_KEEP_HTML},
    {"keep-releases", required_argument, NULL, OPTION_KEEP_RELEASES},
    {"keep-days", required_argument, NULL, OPTION_KEEP_DAYS},
    {"max-delete", required_argument, NULL, OPTION_MAX_DELETE},
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
    {"yes", no_argument, NULL, 'y'},
    {"wait", no_argument, NULL, OPTION_WAIT},
    {"jobs", required_argument, NULL, OPTION_JOBS},
    {"json", no_argument, NULL, OPTION_JSON},
    {"silent", required_argument, NULL, OPTION_SILENT},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

/* The flags that wait for what the files and the environment say. */
struct given {
  const char *bucket, *prefix, *distribution, *build_folder, *changeset_path, *env, *config;
};

static bool wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool wrong(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("cruddur sync: ", stderr);
  vfprintf(stderr, format, arguments);
  fputs("; 'cruddur sync --help' tells more\n", stderr);
  va_end(arguments);
  return false;
}

static bool read_number(const char *name, const char *text, long lowest, long highest,
                        long *ret_number) {
  char *end = NULL;
  errno = 0;
  long number = strtol(text, &end, 10);
  if (!*text || *end || errno || number < lowest || number > highest) {
    fprintf(stderr, "cruddur sync: %s is a number from %ld to %ld\n", name, lowest, highest);
    return false;
  }
  *ret_number = number;
  return true;
}

static bool read_silent(struct sync_options *options, const char *list) {
  struct str rest = str_from(list), name;
  while (str_next(&rest, ',', &name)) {
    bool known = name.length == 0;
    for (enum sync_action action = 0; action < SYNC_ACTIONS; action++)
      if (str_equal(name, str_from(sync_plan_action_name(action))))
        known = options->silent[action] = true;
    if (!known) return wrong("--silent knows no '%s'", list);
  }
  return true;
}

static bool add_pattern(struct sync_options *options, const char *pattern) {
  struct sync_ignore *ignore = &options->settings.ignore;
  if (ignore->count == SYNC_PATTERNS_LIMIT) return wrong("too many --ignore, at %s", pattern);
  options->patterns[ignore->count++] = pattern;
  ignore->patterns = options->patterns;
  return true;
}

static bool read_value(struct sync_options *options, struct given *given, int code) {
  struct sync_settings *settings = &options->settings;
  long number = 0;
  switch (code) {
  case OPTION_BUCKET: given->bucket = optarg; return true;
  case OPTION_PREFIX: given->prefix = optarg; return true;
  case OPTION_DISTRIBUTION: given->distribution = optarg; return true;
  case OPTION_BUILD_DIR: given->build_folder = optarg; return true;
  case OPTION_CHANGESET: given->changeset_path = optarg; return true;
  case OPTION_ENV: given->env = optarg; return true;
  case OPTION_CONFIG: given->config = optarg; return true;
  case OPTION_IGNORE: return add_pattern(options, optarg);
  case OPTION_SILENT: return read_silent(options, optarg);
  case OPTION_KEEP_RELEASES:
    if (!read_number("--keep-releases", optarg, 0, KEEP_RELEASES_LIMIT, &number)) return false;
    settings->keep_releases = (uint64_t)number;
    return true;
  case OPTION_KEEP_DAYS:
    if (!read_number("--keep-days", optarg, 0, KEEP_DAYS_LIMIT, &number)) return false;
    settings->keep_days = number;
    return true;
  case OPTION_JOBS:
    if (!read_number("--jobs", optarg, 1, JOBS_LIMIT, &number)) return false;
    settings->jobs = (unsigned)number;
    return true;
  case OPTION_MAX_DELETE:
    return sync_plan_parse_limit(optarg, &settings->max_delete) ||
           wrong("--max-delete is a count or a percentage such as 30%%, not '%s'", optarg);
  default: return false;
  }
}

static bool read_switch(struct sync_options *options, struct given *given, int code) {
  switch (code) {
  case OPTION_ORIGIN_PATH: options->settings.origin_is_prefix = true; return true;
  case OPTION_KEEP_HTML: options->settings.strip_html = false; return true;
  case OPTION_DRY_RUN: options->dry_run = true; return true;
  case OPTION_WAIT: options->settings.wait = true; return true;
  case OPTION_JSON: options->json = true; return true;
  case 'y': options->yes = true; return true;
  default: return read_value(options, given, code);
  }
}

/* The words that are no flags: verb and what it is about. */
static bool read_words(struct sync_options *options, struct given *given, char **words, int count) {
  static const char *const VERBS[] = {"", "plan", "apply", "rollback", "releases"};
  int verb = 0;
  long release = 0;
  for (int i = 1; count > 0 && i < (int)(sizeof(VERBS) / sizeof(VERBS[0])); i++)
    if (strcmp(words[0], VERBS[i]) == 0) verb = i;
  if (count > 0 && verb == 0) return wrong("there is no 'sync %s'", words[0]);
  options->verb = (enum sync_verb)verb;
  bool takes_word = verb == SYNC_VERB_APPLY || verb == SYNC_VERB_ROLLBACK;
  if (count > (takes_word ? 2 : 1)) return wrong("what is '%s'?", words[takes_word ? 2 : 1]);
  if (verb == SYNC_VERB_APPLY && count < 2) return wrong("apply which changeset? Name its file");
  if (verb == SYNC_VERB_APPLY) given->changeset_path = words[1];
  if (verb == SYNC_VERB_ROLLBACK && count == 2) {
    if (!read_number("a release", words[1], 1, LONG_MAX, &release)) return false;
    options->release = (uint64_t)release;
  }
  return true;
}

static bool read_flags(struct sync_options *options, struct given *given, int argc, char **argv,
                       int *ret_code) {
  int code;
  optind = 1;
  while ((code = getopt_long(argc, argv, "yh", OPTIONS, NULL)) != -1) {
    if (code == 'h') {
      *ret_code = fputs(HELP, stdout) < 0 ? EXIT_FAILED : EXIT_DONE;
      return false;
    }
    if (!read_switch(options, given, code)) return false;
  }
  return read_words(options, given, argv + optind, argc - optind);
}

/* --- Files --- */

/* A file of the default name may be missing, one that was named may not. */
static bool read_file(const char *named, const char *usual, struct buffer *text) {
  const char *path = named ? named : usual;
  _cleanup_fclose_ FILE *file = fopen(path, "re");
  if (!file && !named && errno == ENOENT) return true;
  char chunk[4096];
  size_t length;
  while (file && text->length <= FILE_LIMIT && (length = fread(chunk, 1, sizeof(chunk), file)) > 0)
    buffer_append(text, chunk, length);
  if (file && !ferror(file) && !text->failed && text->length <= FILE_LIMIT) return true;
  fprintf(stderr, "cruddur sync: %s cannot be read: %s\n", path, strerror(errno));
  return false;
}

static bool is_set(const char *name) {
  const char *value = getenv(name);
  return value && *value;
}

/* The environment wins over the file, by whichever of a setting's two names it says it. */
static bool set_variable(const char *name, const char *value, void *argument) {
  size_t count;
  const struct config_setting *settings = config_settings(&count);
  (void)argument;
  for (size_t i = 0; i < count; i++) {
    const char *alias = settings[i].alias;
    if (!alias || (strcmp(alias, name) != 0 && strcmp(settings[i].name, name) != 0)) continue;
    if (is_set(alias) || is_set(settings[i].name)) return true;
  }
  if (!is_set(name)) setenv(name, value, 1);
  return true;
}

static bool read_env(const struct given *given) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  struct error error = {0};
  if (!read_file(given->env, "sync.env", &text)) return false;
  if (dotenv_parse(buffer_str(&text), set_variable, NULL, &error)) return true;
  fprintf(stderr, "cruddur sync: %s: %s\n", given->env ? given->env : "sync.env", error.message);
  return false;
}

static bool read_rules(struct sync_options *options, const struct given *given) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  struct error error = {0};
  if (!read_file(given->config, "sync.conf", &text)) return false;
  if (rules_parse(buffer_str(&text), &options->arena, &options->settings.rules, &error))
    return true;
  fprintf(stderr, "cruddur sync: %s: %s\n", given->config ? given->config : "sync.conf",
          error.message);
  return false;
}

/* --- Settling --- */

bool sync_make_folder_of(const char *path) {
  _cleanup_free_ char *copy = strdup(path);
  if (!copy) return false;
  for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (mkdir(copy, 0777) != 0 && errno != EEXIST) return false;
    *slash = '/';
  }
  return true;
}

static const char *join(struct sync_options *options, const char *a, const char *b) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  buffer_append_text(&text, a);
  buffer_append_text(&text, b);
  return arena_copy(&options->arena, str_from(buffer_text(&text)));
}

/* "/a/b/" and "a/b" are both "a/b/". */
static const char *settle_prefix(struct sync_options *options, const char *prefix) {
  struct str text = str_from(prefix ? prefix : "");
  while (text.length > 0 && text.data[0] == '/') {
    text.data++;
    text.length--;
  }
  while (text.length > 0 && text.data[text.length - 1] == '/')
    text.length--;
  const char *trimmed = arena_copy(&options->arena, text);
  return text.length == 0 ? "" : join(options, trimmed, "/");
}

static const char *settle_changeset(struct sync_options *options, const char *path) {
  struct stat status;
  size_t length = strlen(path);
  bool is_folder = (length > 0 && path[length - 1] == '/') ||
                   (stat(path, &status) == 0 && S_ISDIR(status.st_mode));
  if (!is_folder || options->verb == SYNC_VERB_APPLY) return path;
  return join(options, path, "/changeset.json");
}

static bool is_id(const char *text) {
  return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") ==
         strlen(text);
}

bool sync_options_check_place(const struct sync_settings *settings) {
  const char *prefix = settings->prefix;
  size_t length = strlen(prefix);
  bool is_folder = length == 0 || (prefix[0] != '/' && prefix[length - 1] == '/');
  return *settings->bucket && is_id(settings->bucket) && is_id(settings->distribution) && is_folder;
}

static bool settle(struct sync_options *options, const struct given *given) {
  struct error error = {0};
  struct config *config = &options->config;
  struct sync_settings *settings = &options->settings;
  if (!config_load(config, CONFIG_SYNC | CONFIG_AWS, &error)) {
    fprintf(stderr, "cruddur sync: %s\n", error.message);
    return false;
  }
  const char *bucket = given->bucket ? given->bucket : config->sync.bucket;
  const char *distribution = given->distribution ? given->distribution : config->sync.distribution;
  if (!bucket && options->verb != SYNC_VERB_APPLY)
    return wrong("SYNC_S3_BUCKET is not set (the bucket to ship to), for example "
                 "SYNC_S3_BUCKET=cloudnoww.com");
  settings->bucket = bucket ? bucket : "";
  settings->distribution = distribution ? distribution : "";
  if (!is_id(settings->bucket)) return wrong("'%s' cannot be a bucket", settings->bucket);
  if (!is_id(settings->distribution))
    return wrong("'%s' cannot be a distribution", settings->distribution);
  options->has_build_folder = given->build_folder != NULL;
  settings->build_folder = given->build_folder ? given->build_folder : config->sync.build_folder;
  settings->prefix = settle_prefix(options, given->prefix);
  options->changeset_path = settle_changeset(
      options, given->changeset_path ? given->changeset_path : config->sync.changeset_path);
  options->yes |= config->sync.auto_approve;
  return true;
}

bool sync_options_read(struct sync_options *options, int argc, char **argv, int *ret_code) {
  struct given given = {0};
  options->settings =
      (struct sync_settings){.strip_html = true, .keep_releases = KEEP_RELEASES, .jobs = JOBS};
  *ret_code = EXIT_USAGE;
  return read_flags(options, &given, argc, argv, ret_code) && read_env(&given) &&
         read_rules(options, &given) && settle(options, &given);
}
