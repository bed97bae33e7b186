/* sync_options.c: collects what `cruddur sync` was asked for. Flags win over the environment, and
 * the environment over sync.env, which therefore only sets variables that are not set. */
#include "commands/sync_options.h"

#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "lib/sync/dotenv.h"
#include "lib/sync/want/preview.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { JOBS = 16, KEEP_RELEASES = 3, KEEP_DAYS = 7, PREVIEW_DAYS = 14, FILE_LIMIT = 1024 * 1024 };

/* --- Flags --- */

/* The flags, some of which wait for what the files and the environment say. */
struct given {
  struct sync_options *options;
  const char *bucket, *prefix, *distribution, *build_folder, *changeset_path, *env, *config,
      *message;
  struct sync_storage storage;
  const char *preview;
  uint64_t preview_days;
  uint64_t keep_releases, keep_days, jobs, lock_wait_s;
  bool origin_is_prefix, keep_html, allow_missing_index, dry_run, yes, wait, json;
};

static bool read_silent(const char *list, void *target, struct error *error) {
  struct sync_options *options = ((struct given *)target)->options;
  struct str rest = str_from(list), name;
  while (str_next(&rest, ',', &name)) {
    bool known = name.length == 0;
    for (enum sync_action action = 0; action < SYNC_ACTIONS; action++)
      if (str_equal(name, str_from(sync_plan_action_name(action))))
        known = options->silent[action] = true;
    if (!known)
      return error_set(error, ERROR_INVALID, "must list actions of a plan, not '%.*s'",
                       (int)name.length, name.data);
  }
  return true;
}

static bool read_pattern(const char *pattern, void *target, struct error *error) {
  struct sync_options *options = ((struct given *)target)->options;
  struct sync_ignore *ignore = &options->settings.ignore;
  if (ignore->count == SYNC_PATTERNS_LIMIT)
    return error_set(error, ERROR_INVALID, "must be given at most %d times, '%s' is one more",
                     SYNC_PATTERNS_LIMIT, pattern);
  options->patterns[ignore->count++] = pattern;
  ignore->patterns = options->patterns;
  return true;
}

static bool read_max_delete(const char *text, void *target, struct error *error) {
  struct sync_options *options = ((struct given *)target)->options;
  return guard_parse_limit(text, &options->settings.max_delete) ||
         error_set(error, ERROR_INVALID, "must be a number or a percentage such as 30%%, not '%s'",
                   text);
}

const struct flag sync_options_flags[] = {
    FLAG_VERB("plan", NULL, SYNC_VERB_PLAN, "write the changeset and show it",
              .section = "What to do instead"),
    FLAG_VERB("apply", "CHANGESET", SYNC_VERB_APPLY, "apply a changeset that was kept"),
    FLAG_VERB("rollback", "[RELEASE]", SYNC_VERB_ROLLBACK,
              "put the pages of an earlier release back"),
    FLAG_VERB("releases", NULL, SYNC_VERB_RELEASES, "list the releases"),
    FLAG_VERB("forget", "PATH…", SYNC_VERB_FORGET,
              "take every copy of a file out, old versions too"),
    FLAG_TEXT(0, "bucket", "NAME", struct given, bucket, "the bucket (SYNC_S3_BUCKET)",
              .section = "Where"),
    FLAG_TEXT(0, "prefix", "PREFIX", struct given, prefix,
              "keys begin with PREFIX/; nothing outside is touched"),
    FLAG_TEXT(0, "distribution", "ID", struct given, distribution,
              "the distribution (SYNC_CLOUDFRONT_DISTRIBUTION_ID)"),
    FLAG_TEXT(0, "preview", "NAME", struct given, preview,
              "ship below previews/NAME/, to be looked at"),
    FLAG_NUMBER(0, "preview-days", "N", struct given, preview_days, 1, 3650,
                "delete previews that nobody shipped to for N days (14)"),
    FLAG_SWITCH(0, "origin-path", struct given, origin_is_prefix,
                "the distribution's origin path is the prefix"),
    FLAG_FOLDER(0, "build-dir", "FOLDER", struct given, build_folder,
                "what to ship (SYNC_BUILD_DIR)"),
    FLAG_FILE(0, "changeset", "FILE", struct given, changeset_path,
              "where the plan is written (SYNC_OUTPUT_CHANGESET_PATH)"),
    FLAG_FILE(0, "env", "FILE", struct given, env,
              "settings by name (sync.env where there is one)"),
    FLAG_FILE(0, "config", "FILE", struct given, config,
              "headers and more by file pattern (sync.conf where there is one)"),
    FLAG_OTHER(0, "ignore", "PATTERN", read_pattern,
               "neither upload nor delete what fits PATTERN; may be given again",
               .section = "What"),
    FLAG_SWITCH(0, "keep-html", struct given, keep_html,
                "keep about.html as about.html; without this it becomes about"),
    FLAG_NUMBER(0, "keep-releases", "N", struct given, keep_releases, 0, 50,
                "keep the assets of N earlier releases (3)"),
    FLAG_NUMBER(0, "keep-days", "N", struct given, keep_days, 0, 3650,
                "and of those in use within the last N days (7)"),
    FLAG_OTHER(0, "max-delete", "N|N%", read_max_delete,
               "refuse to delete more (50%, always up to 3); N: strangers' objects too"),
    FLAG_SWITCH(0, "allow-missing-index", struct given, allow_missing_index,
                "ship a build whose index.html is missing or empty"),
    FLAG_TEXT(0, "sse", "KIND", struct given, storage.encryption,
              "encrypt what is written: AES256 or aws:kms"),
    FLAG_TEXT(0, "sse-kms-key", "ID", struct given, storage.kms_key, "with this key of KMS"),
    FLAG_TEXT(0, "storage-class", "CLASS", struct given, storage.class,
              "how S3 stores what is written, for example STANDARD_IA"),
    FLAG_TEXT(0, "tags", "NAME=VALUE&…", struct given, storage.tags, "tags of what is written"),
    FLAG_TEXT(0, "message", "TEXT", struct given, message,
              "what the list of releases says (the subject of git's last commit)"),
    FLAG_SWITCH(0, "dry-run", struct given, dry_run, "show the plan, change nothing",
                .section = "How"),
    FLAG_SWITCH('y', "yes", struct given, yes, "do not ask (SYNC_AUTO_APPROVE)"),
    FLAG_SWITCH(0, "wait", struct given, wait, "wait until the invalidation is complete"),
    FLAG_NUMBER(0, "lock-wait", "SECONDS", struct given, lock_wait_s, 0, 86400,
                "wait so long for another sync of this bucket to end (0)"),
    FLAG_NUMBER(0, "jobs", "N", struct given, jobs, 1, 128, "how many requests at a time (16)"),
    FLAG_SWITCH(0, "json", struct given, json, "one JSON object on stdout instead of text"),
    FLAG_OTHER(0, "silent", "LIST", read_silent,
               "do not list these: create,update,headers,delete,keep,ignore,foreign,no_change"),
    FLAG_END,
};

/* What stands in the flags and waits for nothing. */
static void take_flags(struct sync_options *options, const struct given *given) {
  struct sync_settings *settings = &options->settings;
  settings->origin_is_prefix = given->origin_is_prefix;
  settings->strip_html = !given->keep_html;
  settings->allow_missing_index = given->allow_missing_index;
  settings->keep_releases = given->keep_releases;
  settings->keep_days = (int64_t)given->keep_days;
  settings->jobs = (unsigned)given->jobs;
  settings->message = given->message;
  settings->preview = given->preview;
  settings->preview_days = (int64_t)given->preview_days;
  settings->storage = given->storage;
  settings->wait = given->wait;
  settings->lock_wait_s = given->lock_wait_s;
  options->dry_run = given->dry_run;
  options->yes = given->yes;
  options->json = given->json;
}

static bool read_flags(struct sync_options *options, const struct subcommand *command,
                       struct given *given, int argc, char **argv, int *reterr_code) {
  struct flag_words words;
  if (!flags_read(command, argc, argv, given, &words, reterr_code)) return false;
  take_flags(options, given);
  options->verb = (enum sync_verb)words.verb;
  if (!words.word) return true;
  if (options->verb == SYNC_VERB_APPLY) given->changeset_path = words.word;
  if (options->verb == SYNC_VERB_FORGET) {
    options->paths[options->path_count++] = words.word;
    for (size_t i = 0; i < words.more_count; i++)
      options->paths[options->path_count++] = words.more[i];
  }
  if (options->verb != SYNC_VERB_ROLLBACK ||
      str_to_u64(str_from(words.word), 1, INT64_MAX, &options->release))
    return true;
  *reterr_code = flags_refuse(command, "RELEASE must be a number from 1, not '%s'", words.word);
  return false;
}

/* --- Files --- */

/* A file of the default name may be missing, one that was named may not. */
static bool read_file(const char *named, const char *usual, struct buffer *ret_text,
                      struct error *error) {
  if (file_read(named ? named : usual, FILE_LIMIT, ret_text, error)) return true;
  if (error->kind == ERROR_NOT_FOUND && !named) return true;
  error->kind = ERROR_INVALID; /* of whatever kind: a wrong argument */
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

static bool read_env(const struct given *given, struct error *error) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  if (!read_file(given->env, "sync.env", &text, error)) return false;
  return dotenv_parse(buffer_str(&text), set_variable, NULL, error) ||
         error_prefix(error, "%s", given->env ? given->env : "sync.env");
}

static bool read_rules(const struct given *given, struct error *error) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  struct sync_options *options = given->options;
  if (!read_file(given->config, "sync.conf", &text, error)) return false;
  return rules_parse(buffer_str(&text), &options->arena, &options->settings.rules, error) ||
         error_prefix(error, "%s", given->config ? given->config : "sync.conf");
}

/* --- Settling --- */

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

/* A preview is a site of its own below the prefix. */
static bool settle_preview(struct sync_options *options, struct error *error) {
  struct sync_settings *settings = &options->settings;
  if (!preview_is_name(settings->preview))
    return error_set(error, ERROR_INVALID,
                     "--preview must be small letters, digits and dashes, not '%s'",
                     settings->preview);
  const char *folder = join(options, settings->prefix, PREVIEW_FOLDER);
  settings->prefix = join(options, join(options, folder, settings->preview), "/");
  return true;
}

static bool settle(struct sync_options *options, const struct given *given, struct error *error) {
  struct config *config = &options->config;
  struct sync_settings *settings = &options->settings;
  if (!config_load(config, CONFIG_SYNC | CONFIG_AWS, error)) return false;
  const char *bucket = given->bucket ? given->bucket : config->sync.bucket;
  const char *distribution = given->distribution ? given->distribution : config->sync.distribution;
  if (!bucket && options->verb != SYNC_VERB_APPLY)
    return error_set(error, ERROR_INVALID,
                     "SYNC_S3_BUCKET is not set (the bucket to ship to), for example "
                     "SYNC_S3_BUCKET=cloudnoww.com");
  settings->bucket = bucket ? bucket : "";
  settings->distribution = distribution ? distribution : "";
  if (!is_id(settings->bucket))
    return error_set(error, ERROR_INVALID, "'%s' cannot be a bucket", settings->bucket);
  if (!is_id(settings->distribution))
    return error_set(error, ERROR_INVALID, "'%s' cannot be a distribution", settings->distribution);
  options->has_build_folder = given->build_folder != NULL;
  settings->build_folder = given->build_folder ? given->build_folder : config->sync.build_folder;
  settings->prefix = settle_prefix(options, given->prefix);
  if (given->preview && !settle_preview(options, error)) return false;
  options->changeset_path = settle_changeset(
      options, given->changeset_path ? given->changeset_path : config->sync.changeset_path);
  options->yes |= config->sync.auto_approve;
  return true;
}

bool sync_options_read(struct sync_options *options, const struct subcommand *command, int argc,
                       char **argv, int *reterr_code) {
  struct given given = {.options = options,
                        .keep_releases = KEEP_RELEASES,
                        .keep_days = KEEP_DAYS,
                        .preview_days = PREVIEW_DAYS,
                        .jobs = JOBS};
  struct error error = {0};
  if (!read_flags(options, command, &given, argc, argv, reterr_code)) return false;
  if (read_env(&given, &error) && read_rules(&given, &error) && settle(options, &given, &error))
    return true;
  *reterr_code = exit_with("sync", &error);
  return false;
}
