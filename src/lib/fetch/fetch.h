/* fetch.h: outgoing HTTP on the loop (curl's multi interface driven by libuv). The only room that
 * includes curl.h. Name resolution happens in curl's own threads, so nothing here blocks. */
#pragma once

#include "lib/base/tally.h"
#include "lib/fetch/message.h"
#include "lib/loop/loop.h"

struct fetcher;

/* The value of the first header `name` (in any case), trimmed; data is NULL where there is none. */
struct str fetch_response_header(const struct fetch_response *response, struct str name);

/* NULL when memory is out. Connections are kept and used again. */
struct fetcher *fetch_open(struct loop *loop, struct error *error);

/* Trusts the certificates in the file `ca_bundle` alone from now on, instead of the system's, or of
 * the file that SSL_CERT_FILE names. NULL: changes nothing. */
void fetch_trust(struct fetcher *fetcher, const char *ca_bundle);

/* Starts an exchange; everything in `request` is copied. Calls `done` exactly once, on the loop,
 * never from inside this call. Returns false (and never calls `done`) when memory is out, too many
 * exchanges are under way, or the fetcher is closing. */
bool fetch_start(struct fetcher *fetcher, const struct fetch_request *request, fetch_done done,
                 void *argument, struct error *error);

/* Exchanges of the process that got no answer, or were answered 401, 403, 429 or 5xx, by the
 * request's service; from any thread. */
const struct tally *fetch_failures(void);

/* Ends what is under way (each `done` gets an error), closes the handles, frees when the loop let
 * go of them. Takes NULL. */
void fetch_close(struct fetcher *fetcher);
