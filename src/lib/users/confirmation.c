/* confirmation.c: see confirmation.h. A confirmer is connected or not. It keeps its connection from
 * one event to the next, and closes it after any failure, because the session may then be inside of
 * a transaction. When a kept connection turns out to be dead, the event is recorded with a new one.
 * The times add up: a second for the kept connection and two for one that cannot be made leave
 * enough of the four seconds that an event has to look for the database and to connect once. */
#include "lib/users/confirmation.h"

#include "lib/base/clock.h"
#include "lib/base/utf8.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { ATTRIBUTE_LIMIT = 2048, CONNECT_TIMEOUT_S = 2, KEPT_LIMIT_MS = 1000 };

enum { NAME, HANDLE, EMAIL, SUB, ATTRIBUTE_COUNT };

static const char *const ATTRIBUTES[ATTRIBUTE_COUNT] = {
    [NAME] = "name", [HANDLE] = "preferred_username", [EMAIL] = "email", [SUB] = "sub"};

/* Databases without the unique indexes exist: the lock, not they, keeps two rows from being made.
 */
static const char LOCK[] =
    "begin; select pg_advisory_xact_lock(hashtextextended('cruddur post-confirmation', 0))";

/* One row: was it added, does the sub have a row, does the handle. */
static const char INSERT[] =
    "with before as ("
    "  select bool_or(cognito_user_id = $4) as sub_known, count(*) > 0 as any_known"
    "  from public.users where cognito_user_id = $4 or handle = $2"
    "), added as ("
    "  insert into public.users (uuid, display_name, handle, email, cognito_user_id)"
    "  select gen_random_uuid(), $1, $2, $3, $4 from before where not any_known"
    "  on conflict do nothing returning 1"
    ") select exists (select from added), coalesce(sub_known, false) from before";

static bool check_attribute(size_t index, struct str text, struct error *error) {
  if (!text.data || utf8_is_blank(text) || memchr(text.data, '\0', text.length))
    return error_set(error, ERROR_INVALID,
                     "the event has no request.userAttributes.%s, so no user is added",
                     ATTRIBUTES[index]);
  return text.length <= ATTRIBUTE_LIMIT ||
         error_set(error, ERROR_INVALID,
                   "the event's %s is longer than the %d bytes that Cognito allows",
                   ATTRIBUTES[index], ATTRIBUTE_LIMIT);
}

static bool check_sub(const char *sub, struct error *error) {
  return strcmp(sub, "MOCK") != 0 ||
         error_set(error, ERROR_INVALID, "the event's sub is the stand-in for unknown subs");
}

/* The texts live as long as `event`. */
static bool read_attributes(const json_t *event, const char *texts[ATTRIBUTE_COUNT],
                            struct error *error) {
  const json_t *attributes = json_object_get(json_object_get(event, "request"), "userAttributes");
  for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
    const json_t *value = json_object_get(attributes, ATTRIBUTES[i]);
    struct str text = {json_string_value(value), json_string_length(value)};
    if (!check_attribute(i, text, error)) return false;
    texts[i] = text.data;
  }
  return check_sub(texts[SUB], error);
}

/* A name is one line, as when a user changes it later. */
static void tidy_name(const char *texts[ATTRIBUTE_COUNT], char tidy[ATTRIBUTE_LIMIT + 1]) {
  size_t length = utf8_to_one_line(str_from(texts[NAME]), tidy);
  tidy[length] = '\0';
  texts[NAME] = tidy;
}

static bool check_trigger(const json_t *event, struct error *error) {
  const char *trigger = json_string_value(json_object_get(event, "triggerSource"));
  if (!trigger || strncmp(trigger, "PostConfirmation_", strlen("PostConfirmation_")) == 0)
    return true;
  return error_set(error, ERROR_INVALID,
                   "the event is not of the post-confirmation trigger (triggerSource), so no user "
                   "is added");
}

/* What the statements found. */
struct confirmation_finding {
  bool added, sub_known;
};

static bool insert(struct pg_session *session, const char *const texts[ATTRIBUTE_COUNT],
                   const char *end, struct confirmation_finding *ret_finding, struct error *error) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  if (!pg_session_exec(session, LOCK, error) ||
      !pg_session_query(session, INSERT, ATTRIBUTE_COUNT, texts, &rows, error) ||
      !pg_session_exec(session, end, error))
    return false;
  *ret_finding = (struct confirmation_finding){pg_session_rows_bool(rows, 0, 0),
                                               pg_session_rows_bool(rows, 0, 1)};
  return true;
}

static unsigned left_ms(uint64_t due_us) {
  uint64_t now_us = clock_monotonic_us();
  return now_us + 1000 < due_us ? (unsigned)((due_us - now_us) / 1000) : 1;
}

static bool connect(struct confirmer *confirmer, uint64_t due_us, struct error *error) {
  if (confirmer->session) return true;
  struct pg_session_options options = {.connection_url = confirmer->connection_url,
                                       .application_name = "cruddur post-confirmation",
                                       .connect_timeout_s = CONNECT_TIMEOUT_S,
                                       .limit_ms = left_ms(due_us)};
  return pg_session_open(&options, &confirmer->session, error);
}

/* One try; a session whose statements failed is closed: it may be inside of a transaction. */
static bool try_insert(struct confirmer *confirmer, const char *const texts[ATTRIBUTE_COUNT],
                       uint64_t due_us, struct confirmation_finding *ret_finding,
                       struct error *error) {
  if (!connect(confirmer, due_us, error)) return false;
  pg_session_set_limit_ms(confirmer->session, left_ms(due_us));
  bool done = insert(confirmer->session, texts, "commit", ret_finding, error);
  if (!done) confirmation_close(confirmer);
  return done;
}

static bool look_again(struct confirmer *confirmer, uint64_t due_us) {
  return confirmer->look_again && confirmer->look_again(confirmer, left_ms(due_us) / 2);
}

/* Doing it twice adds one row. */
static bool insert_once(struct confirmer *confirmer, const char *const texts[ATTRIBUTE_COUNT],
                        unsigned limit_ms, struct confirmation_finding *ret_finding,
                        struct error *error) {
  uint64_t now_us = clock_monotonic_us(), due_us = now_us + (uint64_t)limit_ms * 1000;
  uint64_t kept_due_us = now_us + KEPT_LIMIT_MS * 1000;
  bool looked = confirmer->session != NULL;
  if (confirmer->session) {
    if (try_insert(confirmer, texts, kept_due_us < due_us ? kept_due_us : due_us, ret_finding,
                   error))
      return true;
    look_again(confirmer, due_us);
  }
  if (try_insert(confirmer, texts, due_us, ret_finding, error)) return true;
  bool may_have_moved = error->kind == ERROR_UNAVAILABLE || error->kind == ERROR_DENIED ||
                        error->kind == ERROR_NOT_FOUND;
  return may_have_moved && !looked && look_again(confirmer, due_us) &&
         try_insert(confirmer, texts, due_us, ret_finding, error);
}

static bool judge(const struct confirmation_finding *finding,
                  const char *const texts[ATTRIBUTE_COUNT], enum confirmation_outcome *ret_outcome,
                  struct error *error) {
  *ret_outcome = finding->added       ? CONFIRMATION_ADDED
                 : finding->sub_known ? CONFIRMATION_KNOWN
                                      : CONFIRMATION_TAKEN;
  return finding->added || finding->sub_known ||
         error_set(error, ERROR_CONFLICT,
                   "the handle %s belongs to another user, so sub %s has no row; give one of them "
                   "another handle, or run bin/db/update_cognito_user_ids if the row is theirs",
                   texts[HANDLE], texts[SUB]);
}

bool confirmation_add_user(struct pg_session *session, const struct confirmation_user *user,
                           bool dry_run, enum confirmation_outcome *ret_outcome,
                           struct error *error) {
  const char *const texts[ATTRIBUTE_COUNT] = {
      [NAME] = user->name, [HANDLE] = user->handle, [EMAIL] = user->email, [SUB] = user->sub};
  struct confirmation_finding finding;
  for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
    if (!check_attribute(i, str_from(texts[i]), error)) return false;
  return check_sub(user->sub, error) &&
         insert(session, texts, dry_run ? "rollback" : "commit", &finding, error) &&
         judge(&finding, texts, ret_outcome, error);
}

/* The event with each number as 0: four strings are wanted, and a number that C cannot hold
 * elsewhere must not cost a user their row. The caller frees; NULL when memory is out. */
static char *without_numbers(struct str event) {
  char *copy = malloc(event.length + 1);
  bool in_string = false, in_number = false;
  for (size_t i = 0; copy && i < event.length; i++) {
    char byte = event.data[i];
    bool goes_on = in_number && strchr("+-.0123456789eE", byte) && byte;
    in_number = goes_on || (!in_string && ((byte >= '0' && byte <= '9') || byte == '-'));
    copy[i] = in_number ? (goes_on ? ' ' : '0') : byte;
    if (in_string && byte == '\\' && i + 1 < event.length) {
      copy[i + 1] = event.data[i + 1];
      i++;
    } else if (byte == '"') {
      in_string = !in_string;
    }
  }
  return copy;
}

static json_t *parse(struct str event) {
  static const struct str BOM = {"\xef\xbb\xbf", 3};
  if (str_starts_with(event, BOM))
    event = (struct str){event.data + BOM.length, event.length - BOM.length};
  char *text = without_numbers(event);
  json_t *parsed = text ? json_loadb(text, event.length, JSON_ALLOW_NUL, NULL) : NULL;
  free(text);
  return parsed;
}

bool confirmation_record(struct confirmer *confirmer, struct str event, unsigned limit_ms,
                         enum confirmation_outcome *ret_outcome, struct error *error) {
  const char *texts[ATTRIBUTE_COUNT] = {NULL};
  char name[ATTRIBUTE_LIMIT + 1];
  struct confirmation_finding finding;
  json_t *parsed = parse(event);
  bool done = json_is_object(parsed) ||
              error_set(error, ERROR_INVALID, "the event is no JSON object, so no user is added");
  done = done && check_trigger(parsed, error) && read_attributes(parsed, texts, error);
  if (done) tidy_name(texts, name);
  done = done && insert_once(confirmer, texts, limit_ms, &finding, error) &&
         judge(&finding, texts, ret_outcome, error);
  json_decref(parsed);
  return done;
}

void confirmation_close(struct confirmer *confirmer) {
  if (confirmer->session) pg_session_close(confirmer->session);
  confirmer->session = NULL;
}
