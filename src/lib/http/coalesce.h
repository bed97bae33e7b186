/* coalesce.h: request coalescing: requests whose answer is the same for all share one run of the
 * handler, a round.
 *
 * A request is answered only by a round that started after the whole request had arrived. So it
 * sees whatever was committed before it was sent, as if it had a run of its own: there is nothing
 * to invalidate, on one instance or on many. For each target (path and query) a loop has at most
 * one round that runs, and who arrives meanwhile shares the next. A round belongs to nobody: it
 * goes on whoever leaves, and its answer, an error too, is everybody's in it. */
#pragma once

struct http_request;
struct http_site;

enum { COALESCE_TARGETS_LIMIT = 1024 /* in progress on a loop; over it requests get 503 */ };

/* The targets in progress of one server. */
struct coalescer;

/* NULL when memory is out. */
struct coalescer *coalesce_new(struct http_site *site);

/* Answers who waits and starts nothing more; when the handlers of all rounds have answered. */
void coalesce_close(struct coalescer *coalescer);

/* Frees it, closed or not used. Takes NULL; returns NULL. */
struct coalescer *coalesce_free(struct coalescer *coalescer);

/* Takes a request of a shared row, which has come whole. */
void coalesce_join(struct http_request *request);
