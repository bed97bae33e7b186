/* rules.c: what is special about which files: reads sync.conf and applies it. */
#include "lib/sync/want/rules.h"

#include "lib/sync/want/glob.h"
#include "lib/sync/want/mime.h"

#include <assert.h>

enum { RULES_SIZE_LIMIT = 256 * 1024, VALUE_LENGTH_LIMIT = 1024 };

static const char LONG_AGE[] = "public, max-age=31536000, immutable";
static const char SHORT_AGE[] = "public, max-age=300";
static const char NO_AGE[] = "no-cache";

enum rule_choice { CHOICE_UNSET, CHOICE_NO, CHOICE_YES };

struct sync_rule {
  struct str pattern;
  struct object_headers headers; /* a value is NULL where this rule does not set it */
  enum rule_choice hashed, ignored, strip_html;
  struct sync_rule *next;
};

struct rules_reader {
  struct arena *arena;
  struct sync_rule *current;
  struct sync_rule **end;
  size_t line;
};

const char *rules_class_name(enum sync_class class) {
  static const char *const NAMES[] = {
      [SYNC_ASSET] = "asset", [SYNC_REST] = "rest", [SYNC_PAGE] = "page"};
  assert(class <= SYNC_PAGE);
  return NAMES[class];
}

static bool read_section(struct rules_reader *reading, struct str line, struct error *error) {
  if (line.length < 3 || line.data[line.length - 1] != ']')
    return error_set(error, ERROR_INVALID, "line %zu: a section is [pattern]", reading->line);
  struct str pattern = str_trim((struct str){line.data + 1, line.length - 2});
  if (pattern.length == 0 || pattern.length > GLOB_LENGTH_LIMIT - 2)
    return error_set(error, ERROR_INVALID, "line %zu: the pattern is empty or too long",
                     reading->line);
  struct sync_rule *rule = arena_take(reading->arena, sizeof(*rule));
  if (!rule) return error_set(error, ERROR_MEMORY, "out of memory");
  rule->pattern = str_from(arena_copy(reading->arena, pattern));
  *reading->end = reading->current = rule;
  reading->end = &rule->next;
  return true;
}

static bool read_choice(const struct rules_reader *reading, struct str name, struct str value,
                        enum rule_choice *ret_choice, struct error *error) {
  bool yes = str_equal(value, STR("yes")), no = str_equal(value, STR("no"));
  if (!yes && !no)
    return error_set(error, ERROR_INVALID, "line %zu: %.*s is yes or no", reading->line,
                     (int)name.length, name.data);
  *ret_choice = yes ? CHOICE_YES : CHOICE_NO;
  return true;
}

/* A header's value is printable ASCII: anything else could not be signed and sent the same way. */
static bool read_header(struct rules_reader *reading, size_t index, struct str value,
                        struct error *error) {
  for (size_t i = 0; i < value.length; i++)
    if (value.data[i] < ' ' || value.data[i] > '~')
      return error_set(error, ERROR_INVALID, "line %zu: a header is printable ASCII",
                       reading->line);
  if (value.length > VALUE_LENGTH_LIMIT)
    return error_set(error, ERROR_INVALID, "line %zu: a header has at most %d bytes", reading->line,
                     VALUE_LENGTH_LIMIT);
  reading->current->headers.values[index] = arena_copy(reading->arena, value);
  return true;
}

static bool read_setting(struct rules_reader *reading, struct str line, struct error *error) {
  const char *equals = memchr(line.data, '=', line.length);
  if (!equals || !reading->current)
    return error_set(error, ERROR_INVALID, "line %zu: expected %s", reading->line,
                     equals ? "a [pattern] first" : "[pattern] or name = value");
  struct str name = str_trim((struct str){line.data, (size_t)(equals - line.data)});
  size_t skipped = (size_t)(equals + 1 - line.data);
  struct str value = str_trim((struct str){equals + 1, line.length - skipped});
  for (size_t i = 0; i < SYNC_HEADER_COUNT; i++)
    if (str_equal_ignore_case(name, str_from(object_headers_name(i))))
      return read_header(reading, i, value, error);
  if (str_equal(name, STR("hashed")))
    return read_choice(reading, name, value, &reading->current->hashed, error);
  if (str_equal(name, STR("ignore")))
    return read_choice(reading, name, value, &reading->current->ignored, error);
  if (str_equal(name, STR("strip-html")))
    return read_choice(reading, name, value, &reading->current->strip_html, error);
  return error_set(error, ERROR_INVALID, "line %zu: there is no setting '%.*s'", reading->line,
                   (int)name.length, name.data);
}

bool rules_parse(struct str text, struct arena *arena, struct sync_rules *ret_rules,
                 struct error *error) {
  if (text.length > RULES_SIZE_LIMIT)
    return error_set(error, ERROR_INVALID, "longer than %d bytes", RULES_SIZE_LIMIT);
  struct sync_rules rules = {0};
  struct rules_reader reading = {.arena = arena, .end = &rules.first};
  struct str rest = text, line;
  while (str_next(&rest, '\n', &line)) {
    reading.line++;
    if (line.length > 0 && line.data[line.length - 1] == '\r') line.length--;
    line = str_trim(line);
    if (line.length == 0 || line.data[0] == '#' || line.data[0] == ';') continue;
    bool read = line.data[0] == '[' ? read_section(&reading, line, error)
                                    : read_setting(&reading, line, error);
    if (!read) return false;
  }
  if (arena->failed) return error_set(error, ERROR_MEMORY, "out of memory");
  *ret_rules = rules;
  return true;
}

static bool chosen(enum rule_choice choice, bool before) {
  return choice == CHOICE_UNSET ? before : choice == CHOICE_YES;
}

static void apply_rule(const struct sync_rule *rule, struct sync_traits *traits,
                       enum rule_choice *hashed) {
  for (size_t i = 0; i < SYNC_HEADER_COUNT; i++)
    if (rule->headers.values[i]) traits->headers.values[i] = rule->headers.values[i];
  traits->ignored = chosen(rule->ignored, traits->ignored);
  if (rule->ignored != CHOICE_UNSET) traits->wanted = rule->ignored == CHOICE_NO;
  traits->strip_html = chosen(rule->strip_html, traits->strip_html);
  if (rule->hashed != CHOICE_UNSET) *hashed = rule->hashed;
}

struct sync_traits rules_traits(const struct sync_rules *rules, struct str path, bool strip_html) {
  struct sync_traits traits = {.strip_html = strip_html};
  const char **headers = traits.headers.values;
  enum rule_choice hashed = CHOICE_UNSET;
  for (const struct sync_rule *rule = rules->first; rule; rule = rule->next)
    if (glob_fits(rule->pattern, path)) apply_rule(rule, &traits, &hashed);
  if (!headers[SYNC_CONTENT_TYPE]) headers[SYNC_CONTENT_TYPE] = mime_type(path);
  bool is_page = str_starts_with(str_from(headers[SYNC_CONTENT_TYPE]), STR("text/html"));
  bool seems_hashed = hashed_listed(&rules->listed, path) || hashed_name(path);
  bool is_hashed = !is_page && !hashed_never(path) && chosen(hashed, seems_hashed);
  traits.class = is_page ? SYNC_PAGE : is_hashed ? SYNC_ASSET : SYNC_REST;
  if (!headers[SYNC_CACHE_CONTROL])
    headers[SYNC_CACHE_CONTROL] = is_page ? NO_AGE : is_hashed ? LONG_AGE : SHORT_AGE;
  for (size_t i = 0; i < SYNC_HEADER_COUNT; i++)
    if (!headers[i]) headers[i] = "";
  return traits;
}
