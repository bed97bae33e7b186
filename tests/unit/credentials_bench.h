/* credentials_bench.h: what the tests of credentials share: files of profiles, and waiting for what
 * the provider finds. */
#pragma once

#include "aws_bench.h"

/* Tries that follow each other at once, and a minute without another round after a failed one. */
extern const struct aws_provider_timing QUICK;

struct files {
  char credentials[32], settings[32], token[32];
};

/* Makes a file of `text` and its name. */
void files_write(char path[32], const char *text);

/* A bench whose settings name no source; the files are made of `credentials` and `settings`. */
void files_start(struct bench *bench, struct files *files, const char *credentials,
                 const char *settings);

/* bench_stop() and the end of the files. */
void files_stop(struct bench *bench, struct files *files);

/* Runs the provider alone until it has settled; *ret is the caller's, NULL after an error. */
enum refresher_taken bench_take(struct bench *bench, struct aws_credentials **ret,
                                struct error *error);

void expect_keys(struct bench *bench, const char *id, const char *secret, const char *token,
                 const char *source);

/* There are none; the message has `part` in it, and no secret. */
void expect_none(struct bench *bench, enum error_kind kind, const char *part);

void run_until_id_is(struct bench *bench, const char *id);
