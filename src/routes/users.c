/* users.c: who people are: the short form of a user, changing one's profile. */
#include "routes/answers.h"
#include "routes/context.h"
#include "routes/input.h"
#include "routes/routes.h"

#include "lib/base/utf8.h"

enum { DISPLAY_NAME_MAX_CHARS = 50, BIO_MAX_CHARS = 500 };

/* --- GET /api/users/@handle/short --- */

static void on_short(enum pg_outcome outcome, const struct pg_result *const *results,
                     const struct error *error, void *argument) {
  struct http_request *request = argument;
  if (!answers_failure(request, outcome, error))
    answers_row_or(request, results[0], HTTP_NOT_FOUND, "user_not_found");
}

static void get_short(struct http_request *request) {
  struct pg_batch *batch = route_batch_new(request);
  pg_batch_add(batch, PG_USERS_SHORT);
  pg_batch_bind_text(batch, http_request_param(request, "handle"));
  pg_pool_submit(batch, on_short, request);
}

/* --- POST or PUT /api/profile/update --- */

static void on_updated(enum pg_outcome outcome, const struct pg_result *const *results,
                       const struct error *error, void *argument) {
  struct http_request *request = argument;
  if (!answers_failure(request, outcome, error))
    answers_row_or(request, results[0], HTTP_UNPROCESSABLE, "user_not_found");
}

/* What the body says of the profile; a member without data is absent there, and stays as it is. */
struct profile_change {
  struct str display_name, bio;
};

/* The name as it is kept. False when memory is out. */
static bool read_name(struct http_request *request, struct str *ret_name) {
  struct str text = input_text(request, "display_name");
  char *name = http_request_alloc(request, text.length + 1);
  if (!name) return false;
  *ret_name = (struct str){name, utf8_to_one_line(text, name)};
  return true;
}

static bool read_change(struct http_request *request, struct profile_change *change,
                        struct codes *codes) {
  if (input_has(request, "display_name")) {
    if (!read_name(request, &change->display_name)) return false;
    input_check_text(codes, change->display_name, DISPLAY_NAME_MAX_CHARS, "display_name_blank",
                     "display_name_exceed_max_chars");
  }
  if (input_has(request, "bio")) {
    change->bio = input_text(request, "bio");
    input_check_text(codes, change->bio, BIO_MAX_CHARS, NULL, "bio_exceed_max_chars");
  }
  return true;
}

static void bind_or_null(struct pg_batch *batch, struct str text) {
  if (text.data)
    pg_batch_bind_text(batch, text);
  else
    pg_batch_bind_null(batch);
}

static void update_profile(struct http_request *request) {
  struct profile_change change = {0};
  struct codes codes = {0};
  if (!read_change(request, &change, &codes)) {
    http_answer_internal_error(request, "out of memory for a profile");
    return;
  }
  if (codes.count > 0) {
    http_answer_codes(request, codes.list);
    return;
  }
  struct pg_batch *batch = route_batch_new(request);
  pg_batch_add(batch, PG_USERS_UPDATE);
  pg_batch_bind_text(batch, http_request_sub(request));
  bind_or_null(batch, change.display_name);
  bind_or_null(batch, change.bio);
  pg_batch_lock_unknown(batch, http_request_sub(request));
  pg_pool_submit(batch, on_updated, request);
}

const struct http_route users_routes[] = {
    {HTTP_GET, "/api/users/@:handle/short", HTTP_AUTH_SHARED, 0, get_short, 1},
    {HTTP_POST, "/api/profile/update", HTTP_AUTH_REQUIRED, HTTP_BODY_LIMIT, update_profile, 0},
    {HTTP_PUT, "/api/profile/update", HTTP_AUTH_REQUIRED, HTTP_BODY_LIMIT, update_profile, 0},
    HTTP_ROUTES_END,
};
