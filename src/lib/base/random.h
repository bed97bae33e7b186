/* random.h: random numbers: from the kernel for what must not be guessed, and jitter for back-off.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Fills `bytes` from the kernel's generator (getrandom(2)); stops the process if there is none.
 * Buffered for each thread, so that a request id costs no system call. */
void random_bytes(void *bytes, size_t length);

/* "Full jitter": a number from 0 to min(cap, base * 2^attempt), all in milliseconds. `attempt`
 * counts from 0. Source: AWS Architecture Blog, "Exponential Backoff And Jitter". */
uint64_t random_backoff_ms(unsigned attempt, uint64_t base_ms, uint64_t cap_ms);
