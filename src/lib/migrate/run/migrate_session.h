/* migrate_session.h: the connection that migrations run over: how it is set up, what is sent over
 * it, and how waiting for something ends early. Private to the room. */
#pragma once

#include "lib/migrate/engine.h"
#include "lib/migrate/run/migrate_watch.h"

struct migrate_session {
  const struct migrate_options *options;
  const struct migrate_reporter *reporter;
  struct pg_session *pg; /* NULL: not connected */
  struct migrate_watch watch;
};

/* Connects. With `read_only` the session is one read-only transaction, set up at once; the lock is
 * not for it. Otherwise nothing is set before migrate_session_prepare(): behind a pooler, settings
 * would stay in a connection that others get next. `session` has its options and its reporter. */
bool migrate_session_open(struct migrate_session *session, bool read_only, struct error *error);
void migrate_session_close(struct migrate_session *session);

/* Makes the settings that migrate_session_append_settings() tells, and starts the watch. */
bool migrate_session_prepare(struct migrate_session *session, struct error *error);

/* A new connection, prepared, in place of one that was lost. */
bool migrate_session_reopen(struct migrate_session *session, struct error *error);

/* UNAVAILABLE on a standby, or where transactions are read-only by default: due before anything is
 * written. */
bool migrate_session_refuse_read_only(struct migrate_session *session, struct error *error);

/* Sends `sql` as one message and frees it. An empty one is not sent; one that ran out of memory is
 * an error, and not sent either. */
bool migrate_session_send(struct migrate_session *session, struct buffer *sql, struct error *error);

/* Appends the statements that put role and settings to what migrations run with, whatever was set
 * before. `server_version` is libpq's number: 150018 is 15.18. */
void migrate_session_append_settings(struct buffer *sql, int server_version,
                                     unsigned lock_timeout_ms);

bool migrate_session_is_interrupted(const struct migrate_session *session);

/* Sleeps, unless or until interrupted. */
void migrate_session_sleep_ms(const struct migrate_session *session, uint64_t milliseconds);

/* The host that the session is connected to, for people. */
const char *migrate_session_host(const struct migrate_session *session);
