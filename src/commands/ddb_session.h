/* ddb_session.h: DynamoDB for commands, which wait for each answer. */
#pragma once

#include "lib/aws/dynamodb.h"

struct ddb_session;

/* `config` was loaded with CONFIG_AWS and must outlive the session. */
bool ddb_session_open(const struct config *config, struct ddb_session **ret_session,
                      struct error *error);
void ddb_session_close(struct ddb_session *session); /* takes NULL */

/* Calls `operation` with `input`, which it takes (NULL counts as memory being out), and waits.
 * Returns the output, the caller's, or NULL. */
json_t *ddb_session_call(struct ddb_session *session, const char *operation, json_t *input,
                         struct error *error);

/* Writes put requests, which it takes (NULL counts as memory being out), and waits. */
bool ddb_session_write(struct ddb_session *session, const char *table, json_t *requests,
                       struct error *error);

void ddb_session_pause(struct ddb_session *session, uint64_t ms);
