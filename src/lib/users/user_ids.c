/* user_ids.c: see user_ids.h. Rows and users are sorted by handle and walked side by side. */
#include "lib/users/user_ids.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* What stands for a sub that is not known; many rows have it. */
static const char UNKNOWN_SUB[] = "MOCK";

struct user_ids_row {
  const char *uuid, *handle, *sub;
};

struct user_ids_plan {
  const struct cognito_user **users; /* confirmed, by handle */
  size_t user_count;
  const struct cognito_user **subs; /* all, by sub */
  size_t sub_count;
  struct user_ids_row *rows;        /* by handle */
  struct user_ids_row *rows_by_sub; /* the same */
  size_t row_count;
  json_t *changes; /* [{"uuid", "sub"}] */
  user_ids_tell tell;
  void *argument;
  struct user_ids_summary summary;
};

static void tell(struct user_ids_plan *plan, enum user_ids_verdict verdict, const char *handle,
                 const char *before, const char *sub) {
  switch (verdict) {
  case USER_IDS_CHANGED: plan->summary.changed++; break;
  case USER_IDS_SAME: plan->summary.same++; break;
  case USER_IDS_NO_ROW:
  case USER_IDS_NO_USER:
  case USER_IDS_NO_HANDLE:
  case USER_IDS_UNCONFIRMED: plan->summary.missing++; break;
  case USER_IDS_TWO_USERS:
  case USER_IDS_TWO_ROWS:
  case USER_IDS_TAKEN: plan->summary.ambiguous++; break;
  }
  plan->tell(verdict, handle, before, sub, plan->argument);
}

static int by_handle(const void *left, const void *right) {
  const struct cognito_user *const *a = left, *const *b = right;
  return strcmp((*a)->handle, (*b)->handle);
}

static int by_sub(const void *left, const void *right) {
  const struct cognito_user *const *a = left, *const *b = right;
  return strcmp((*a)->sub, (*b)->sub);
}

static int rows_by_handle(const void *left, const void *right) {
  const struct user_ids_row *a = left, *b = right;
  return strcmp(a->handle, b->handle);
}

static int compare_subs(const void *left, const void *right) {
  const struct user_ids_row *a = left, *b = right;
  return strcmp(a->sub, b->sub);
}

/* Takes the users who can have a row; tells of the others. */
static bool take_users(struct user_ids_plan *plan, const struct cognito_users *list) {
  plan->users = calloc(list->count + 1, sizeof(const struct cognito_user *));
  plan->subs = calloc(list->count + 1, sizeof(const struct cognito_user *));
  if (!plan->users || !plan->subs) return false;
  for (size_t i = 0; i < list->count; i++) {
    const struct cognito_user *user = &list->users[i];
    bool has_sub = *user->sub && strcmp(user->sub, UNKNOWN_SUB) != 0;
    if (has_sub) plan->subs[plan->sub_count++] = user;
    if (!has_sub || !*user->handle)
      tell(plan, USER_IDS_NO_HANDLE, *user->handle ? user->handle : user->email, "", user->sub);
    else if (strcmp(user->status, "UNCONFIRMED") == 0)
      tell(plan, USER_IDS_UNCONFIRMED, user->handle, "", user->sub);
    else
      plan->users[plan->user_count++] = user;
  }
  qsort(plan->users, plan->user_count, sizeof(const struct cognito_user *), by_handle);
  qsort(plan->subs, plan->sub_count, sizeof(const struct cognito_user *), by_sub);
  return true;
}

static bool take_rows(struct user_ids_plan *plan, const struct pg_rows *rows) {
  plan->row_count = pg_session_rows_count(rows);
  plan->rows = calloc(plan->row_count + 1, sizeof(struct user_ids_row));
  plan->rows_by_sub = calloc(plan->row_count + 1, sizeof(struct user_ids_row));
  if (!plan->rows || !plan->rows_by_sub) return false;
  for (size_t i = 0; i < plan->row_count; i++)
    plan->rows[i] =
        (struct user_ids_row){pg_session_rows_text(rows, i, 0), pg_session_rows_text(rows, i, 1),
                              pg_session_rows_text(rows, i, 2)};
  memcpy(plan->rows_by_sub, plan->rows, plan->row_count * sizeof(struct user_ids_row));
  qsort(plan->rows, plan->row_count, sizeof(struct user_ids_row), rows_by_handle);
  qsort(plan->rows_by_sub, plan->row_count, sizeof(struct user_ids_row), compare_subs);
  return true;
}

/* The pool's user whose sub the row has, when that is somebody else than `user`: who renamed
 * themselves keeps their Cruds. */
static bool belongs_to_another(const struct user_ids_plan *plan, const struct user_ids_row *row,
                               const struct cognito_user *user) {
  struct cognito_user key = {.sub = (char *)(uintptr_t)row->sub};
  const struct cognito_user *wanted = &key;
  const struct cognito_user **found =
      bsearch(&wanted, plan->subs, plan->sub_count, sizeof(const struct cognito_user *), by_sub);
  return found && strcmp((*found)->sub, user->sub) != 0;
}

/* Another row has the user's sub; the row itself has not. */
static bool is_held_elsewhere(const struct user_ids_plan *plan, const struct cognito_user *user) {
  struct user_ids_row key = {.sub = user->sub};
  return bsearch(&key, plan->rows_by_sub, plan->row_count, sizeof(struct user_ids_row),
                 compare_subs);
}

static bool match(struct user_ids_plan *plan, const struct user_ids_row *row,
                  const struct cognito_user *user) {
  if (strcmp(row->sub, user->sub) == 0) {
    tell(plan, USER_IDS_SAME, row->handle, row->sub, user->sub);
  } else if (belongs_to_another(plan, row, user) || is_held_elsewhere(plan, user)) {
    tell(plan, USER_IDS_TAKEN, row->handle, row->sub, user->sub);
  } else {
    tell(plan, USER_IDS_CHANGED, row->handle, row->sub, user->sub);
    return json_array_append_new(plan->changes,
                                 json_pack("{s:s,s:s}", "uuid", row->uuid, "sub", user->sub)) == 0;
  }
  return true;
}

/* How many users, or rows, from `first` on have the same handle. */
static size_t same_users(const struct user_ids_plan *plan, size_t first) {
  size_t end = first + 1;
  while (end < plan->user_count &&
         strcmp(plan->users[end]->handle, plan->users[first]->handle) == 0)
    end++;
  return end - first;
}

static size_t same_rows(const struct user_ids_plan *plan, size_t first) {
  size_t end = first + 1;
  while (end < plan->row_count && strcmp(plan->rows[end].handle, plan->rows[first].handle) == 0)
    end++;
  return end - first;
}

static bool match_all(struct user_ids_plan *plan) {
  size_t u = 0, r = 0;
  while (u < plan->user_count || r < plan->row_count) {
    int order = u == plan->user_count  ? 1
                : r == plan->row_count ? -1
                                       : strcmp(plan->users[u]->handle, plan->rows[r].handle);
    size_t users = order <= 0 ? same_users(plan, u) : 0;
    size_t rows = order >= 0 ? same_rows(plan, r) : 0;
    if (users > 1) {
      for (size_t i = 0; i < users; i++)
        tell(plan, USER_IDS_TWO_USERS, plan->users[u + i]->handle, "", plan->users[u + i]->sub);
    } else if (rows > 1) {
      for (size_t i = 0; i < rows; i++)
        tell(plan, USER_IDS_TWO_ROWS, plan->rows[r + i].handle, plan->rows[r + i].sub,
             plan->rows[r + i].uuid);
    } else if (rows == 0) {
      tell(plan, USER_IDS_NO_ROW, plan->users[u]->handle, "", plan->users[u]->sub);
    } else if (users == 0) {
      tell(plan, USER_IDS_NO_USER, plan->rows[r].handle, plan->rows[r].sub, "");
    } else if (!match(plan, &plan->rows[r], plan->users[u])) {
      return false;
    }
    u += users;
    r += rows;
  }
  return true;
}

/* Writes what was told as USER_IDS_CHANGED, no more and no less. */
static bool write_changes(struct pg_session *session, const json_t *changes, struct error *error) {
  static const char UPDATE[] =
      "update public.users u set cognito_user_id = c.sub "
      "from jsonb_to_recordset($1::jsonb) c (uuid uuid, sub text) where u.uuid = c.uuid";
  char *text = json_dumps(changes, JSON_COMPACT);
  if (!text) return error_set(error, ERROR_MEMORY, "out of memory");
  const char *parameters[] = {text};
  struct pg_rows *rows = NULL;
  bool done = pg_session_query(session, UPDATE, 1, parameters, &rows, error);
  pg_session_rows_free(rows);
  free(text);
  return done;
}

static bool run_plan(struct user_ids_plan *plan, struct pg_session *session,
                     const struct cognito_users *list, bool dry_run, struct error *error) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  if (!pg_session_query(session,
                        "select uuid, handle, cognito_user_id from public.users "
                        "order by uuid for update",
                        0, NULL, &rows, error))
    return false;
  plan->changes = json_array();
  if (!plan->changes || !take_users(plan, list) || !take_rows(plan, rows) || !match_all(plan))
    return error_set(error, ERROR_MEMORY, "out of memory");
  assert(json_array_size(plan->changes) == plan->summary.changed);
  if (dry_run || plan->summary.changed == 0) return true;
  return write_changes(session, plan->changes, error);
}

bool user_ids_update(struct pg_session *session, const struct cognito_users *list, bool dry_run,
                     user_ids_tell tell_verdict, void *argument,
                     struct user_ids_summary *ret_summary, struct error *error) {
  struct user_ids_plan plan = {.tell = tell_verdict, .argument = argument};
  if (!pg_session_exec(session, "begin", error)) return false;
  bool done = run_plan(&plan, session, list, dry_run, error);
  if (done)
    done = pg_session_exec(session, dry_run ? "rollback" : "commit", error);
  else
    pg_session_exec(session, "rollback", NULL);
  free(plan.users);
  free(plan.subs);
  free(plan.rows);
  free(plan.rows_by_sub);
  json_decref(plan.changes);
  if (done) *ret_summary = plan.summary;
  return done;
}
