/* sync_lock.h: only one run may change a bucket at a time: the lock .cruddur/lock.json.
 *
 * The object is created with `If-None-Match: *`, changed only with `If-Match`, and never deleted.
 * Who holds it writes a higher counter into it every ten seconds. A lock that nobody has written
 * for a minute, by the store's own clock, is taken over; so is one whose process on this machine is
 * no more. S3 cannot bind other requests to the lock: a run therefore sends none when its last
 * renewal is half a minute old (CLOCK_BOOTTIME), and stops for good. */
#pragma once

#include "lib/sync/place.h"
#include "lib/sync/sync_session.h"

struct sync_lock;

/* Waits at most `wait_s` seconds until nobody holds the lock; nothing is written yet. `config` as
 * for sync_session_open(). Fails as ERROR_UNAVAILABLE, naming who holds it. */
bool sync_lock_open(const struct sync_session *session, const struct config *config,
                    const struct sync_place *place, uint64_t wait_s, struct sync_lock **ret_lock,
                    struct error *error);

/* Takes the lock, once, and renews it from then on, whenever the session's loop is driven. With
 * `*ret_undisturbed` no other run has held it since it was opened, so that what was read since then
 * still holds; otherwise it waits as sync_lock_open() does, and everything must be read again. Sets
 * the session's `has_conditions`: a store without conditional writes has no lock, which is told to
 * the observer. */
bool sync_lock_take(struct sync_lock *lock, bool *ret_undisturbed, struct error *error);

/* Who holds the lock now, for people, in `arena`; "": nobody does. */
bool sync_lock_look(const struct sync_session *session, const struct config *config,
                    const struct sync_place *place, struct arena *arena, const char **ret_holder,
                    struct error *error);

/* Gives the lock back, where it was taken and not lost, and frees it. Takes NULL. */
void sync_lock_give_back(struct sync_lock *lock);
