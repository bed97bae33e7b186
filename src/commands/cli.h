/* cli.h: what small commands share. */
#pragma once

#include <stdbool.h>

/* For a command whose flags are switches without a value: sets `*switches[i]` for the flag named
 * `names[i]`. Returns false when the command ends here, with `*ret_code`: --help was printed, or
 * something was wrong (said so). */
bool cli_parse_switches(const char *command, const char *help, int argc, char **argv,
                        const char *const *names, bool *const *switches, int *ret_code);
