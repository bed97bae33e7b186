/* lock.h: one runner at a time, without ever blocking anybody else. */
#pragma once

#include "lib/migrate/run/migrate_session.h"

/* Takes the database's advisory lock, polling: each try is a statement of its own, so that the
 * waiting holds no snapshot and no concurrent index build waits for it. While another runner holds
 * it a heartbeat names that runner. The lock goes with the session. */
bool lock_acquire(struct migrate_session *session, struct error *error);

/* Refuses a pooler in transaction mode, behind which the lock would belong to nobody: two
 * statements of one session come to different backends there. */
bool lock_refuse_pooler(struct migrate_session *session, struct error *error);
