/* auth.h: who is calling: the keys of the Cognito pool, and the check of tokens.
 *
 * One key keeper a process fetches the pool's JWKS (on the loop it is given), now and then again,
 * and publishes it as an immutable set; one authenticator a loop verifies with the set it sees,
 * remembers verified tokens, and keeps the requests that wait for a fetch. */
#pragma once

#include "lib/fetch/fetch.h"
#include "lib/http/http.h"

struct auth_options {
  const char *jwks_url;  /* https:, http: or file: */
  const char *issuer;    /* compared to `iss` byte for byte */
  struct str client_ids; /* comma-separated */
  uint64_t refresh_ms; /* keys that are older are fetched again; 0: only an unknown key is asked */
};

struct key_keeper;
struct authenticator;

/* Makes the keeper; the first fetch starts when the loop runs. `options` stay the caller's and
 * outlive it. */
struct key_keeper *key_keeper_new(struct loop *loop, const struct auth_options *options,
                                  struct error *error);

/* Records spans of fetches from now on; before the loop runs. A fetch that a request's unknown key
 * asks for is a child of the request's span, any other begins a trace. `sink` may be NULL. */
void key_keeper_trace(struct key_keeper *keeper, struct span_sink *sink);

/* True once a key set was loaded; from any thread. */
bool key_keeper_ready(const struct key_keeper *keeper);

/* Seconds since the keys were last fetched; 0 before that. From any thread. */
uint64_t key_keeper_age_s(const struct key_keeper *keeper);

/* Ends the fetch under way; frees the keeper after the last authenticator is freed. Takes NULL. */
void key_keeper_close(struct key_keeper *keeper);

/* Tokens that the process refused, by reason; from any thread. */
const struct tally *authenticator_refusals(void);

/* Makes the authenticator of `loop`. */
struct authenticator *authenticator_new(struct loop *loop, struct key_keeper *keeper,
                                        struct error *error);

/* Answers what waits and frees it when the loop let go of its handles. Takes NULL. */
void authenticator_close(struct authenticator *authenticator);

/* The check of tokens for http_options; its context is the loop's authenticator. */
enum http_token authenticator_check(struct http_request *request, struct str authorization,
                                    void *context, void **waiting, struct str *ret_sub);
