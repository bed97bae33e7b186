/* program.h: a program that is run for what it prints: no shell, bounded time and output. It runs
 * beside the loop. Inside of the room only. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/loop/loop.h"

enum { PROGRAM_OUTPUT_LIMIT = 64 * 1024 };

struct program;

/* Called exactly once, on the loop. `output` is what the program printed on its standard output,
 * borrowed and wiped afterwards; it may hold a secret, after an error too. Errors: DENIED (it ended
 * otherwise than with exit code 0; the first line of its standard error is quoted), MEMORY (it
 * printed too much), UNAVAILABLE (its time was over, or program_cancel()). */
typedef void (*program_done)(struct str output, const struct error *error, void *argument);

/* Starts the program `words[0]`, searched in PATH, with the environment of this one, /dev/null as
 * its standard input and no other file of ours, in a process group of its own. `words` ends with
 * NULL. After `timeout_ms` it is killed with its group. `done` is never called from inside. NULL as
 * DENIED when the program cannot be started, or as MEMORY. */
struct program *program_start(struct loop *loop, char *const *words, uint64_t timeout_ms,
                              program_done done, void *argument, struct error *error);

/* Kills it with its group and calls `done`, which was not called yet. */
void program_cancel(struct program *program);
