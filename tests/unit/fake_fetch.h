/* fake_fetch.h: for unit tests of what sends on the loop: fetch_start() keeps each request until
 * the test answers it, and timers fire when the test says so. Nothing waits for a network or a
 * clock.
 *
 * The executable is linked with --wrap=fetch_start, --wrap=uv_timer_start and --wrap=loop_now_ms.
 */
#pragma once

#include "lib/fetch/fetch.h"

enum { FAKE_REQUESTS_LIMIT = 128 };

/* Forgets all that came before; requests that were not answered by then are a fault of the test. */
void fake_fetch_begin(void);

/* Requests that were started since fake_fetch_begin(). */
unsigned fake_fetch_count(void);

/* Of the request that was started as number `index`, from 0. */
const char *fake_fetch_body(unsigned index);
const char *fake_fetch_url(unsigned index);
const char *fake_fetch_headers(unsigned index); /* "name: value\n" for each */

/* Answers it; a status of 0 is an error. */
void fake_fetch_answer(unsigned index, int status);

/* Answers each request that has no answer yet, also those that start meanwhile. */
void fake_fetch_answer_rest(int status);

/* From now on fetch_start() fails, or does not. */
void fake_fetch_refuse(bool refuse);

/* What loop_now_ms() says. */
extern uint64_t fake_now_ms;

/* The length of the timer that was started last, which has not fired; 0: there is none. */
uint64_t fake_timer_ms(void);

/* Lets that timer fire. */
void fake_timer_fire(void);
