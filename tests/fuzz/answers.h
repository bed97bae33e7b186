/* answers.h: what AWS services answer: hostile bytes. The linker puts __wrap_aws_client_call() in
 * the place of aws_client_call() (--wrap), so that the code that asks and reads runs as it is, page
 * after page; for code that waits for its answers also __wrap_loop_run_until() in the place of
 * loop_run_until(). */
#pragma once

#include "fuzz.h"

#include "lib/aws/aws_session.h"

/* Between two answers of an input. */
enum { ANSWERS_SEPARATOR = '\x1e', ANSWERS_LIMIT = 16 };

/* The calls that follow get these answers; the separator cuts them, and when none is left or
 * ANSWERS_LIMIT were given the service is down. One that begins with '!' is an error. */
void answers_begin(struct str texts);

/* Answers what was asked until nothing is asked any more. */
void answers_run(void);

bool __wrap_aws_client_call(struct aws_client *client, const struct aws_request *request,
                            aws_done done, void *argument, struct error *error);

void __wrap_loop_run_until(struct loop *loop, const bool *done);

/* A session whose calls get the answers: it has a loop, which does not run, and nothing else. */
struct aws_session *answers_session(void);
